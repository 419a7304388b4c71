"""Made-up tracked runs whose truth is known: the shape of ``tracking.TrackedRun``, without a store."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ce_harness.report.study import Study

EPOCHS, STEPS_PER_EPOCH = 6, 10


@dataclass
class Run:
    """A run of one loss and seed; ``seed`` also draws what its pair shares, so that pairing matters."""

    loss: str
    seed: int
    accuracy: float = 0.95
    grad_norm: float = 1.0
    status: str = "complete"
    start_time: int = 1_000
    name: str = ""
    run_id: str = ""
    tags: dict = field(default_factory=dict)
    params: dict = field(default_factory=dict)
    metrics: dict = field(default_factory=dict)
    predictions: bytes | None = None

    def __post_init__(self):
        self.name = self.name or f"digits-lenet5-{self.loss}-s{self.seed}"
        self.run_id = self.run_id or f"{self.name}@{self.start_time}"
        identity = {"dataset": "digits", "model": "lenet5", "loss": self.loss, "optimizer": "sgd"}
        origin = {"code_digest": "12e4567", "dataset_digest": "d1", "config_hash": f"c{self.loss}{self.seed}"}
        origin |= {"num_classes": "10", "git_dirty": "false"}
        self.tags = {"seed": str(self.seed), "study": "demo", **identity, **origin, **self.tags}
        scalars = {"learning_rate": "0.05", "batch_size": "64", "epochs": str(EPOCHS), "seed": str(self.seed)}
        self.params = scalars | self.params
        noise = np.random.default_rng([self.seed, len(self.loss)]).normal(0, 1e-4)
        shared = np.random.default_rng(self.seed).normal(0, 0.01)
        accuracy = self.accuracy + shared + noise
        self.metrics = {
            "test/accuracy": accuracy,
            "test/error": 1 - accuracy,
            "test/nll": 3 * (1 - accuracy),
            "test/brier": 1.5 * (1 - accuracy),
            "test/ece": 0.3 * (1 - accuracy),
            "test/nll_calibrated": 2 * (1 - accuracy),
            "test/ece_calibrated": 0.1 * (1 - accuracy),
            "val/accuracy": accuracy,
            "grad_norm/global": 0.1,
        } | self.metrics

    def content(self, name):
        if name == "predictions.npz":
            if self.predictions is None:
                raise FileNotFoundError(name)
            return self.predictions
        if name != "steps.npz":
            return getattr(self, name.removesuffix(".csv"))().to_csv(index=False).encode()
        steps, content = self.steps().drop(columns="step"), io.BytesIO()
        np.savez(content, columns=np.array(steps.columns, dtype=str), values=steps.to_numpy(np.float32))
        return content.getvalue()

    def epochs(self):
        epoch = np.arange(1, EPOCHS + 1)
        accuracy = self.metrics["val/accuracy"] + 0.04 - 0.5 * 0.5**epoch
        return pd.DataFrame(
            {"epoch": epoch, "step": epoch * STEPS_PER_EPOCH, "val/accuracy": accuracy, "val/nll": 1 / epoch}
        )

    def steps(self):
        step = np.arange(1, EPOCHS * STEPS_PER_EPOCH + 1)
        norm = self.grad_norm * (1 + 0.1 * self.seed) / np.sqrt(step)
        shares = {"conv1/kernel": 0.1, "head/kernel": 0.8, "head/bias": 0.6}
        layers = {f"grad_norm/variable/lenet5/{name}": share * norm for name, share in shares.items()}
        return pd.DataFrame(
            {"step": step, "loss": 2.3 / step, "grad_norm/global": norm, "grad_norm/logits": norm / 2, **layers}
        )

    def gradient_bins(self):
        low = np.arange(10) / 10
        return pd.DataFrame({"epoch": 1, "p_low": low, "p_high": low + 0.1, "count": 10, "mean_norm": 1 - low})

    def reliability(self):
        low = np.arange(15) / 15
        frame = pd.DataFrame(
            {"bin_low": low, "bin_high": low + 1 / 15, "count": 30, "confidence": low, "accuracy": low}
        )
        return pd.concat([frame.assign(calibrated=flag) for flag in (False, True)], ignore_index=True)

    def confusion_matrix(self):
        """Of 20 examples of each class squared error takes one for the next class: names with what CSV must quote."""
        names = [f"{number}, written" for number in range(10)]
        counts = np.eye(10, dtype=int) * 20
        if self.loss == "mse":
            counts += np.roll(np.eye(10, dtype=int), 1, axis=1) - np.eye(10, dtype=int)
        per_class = pd.DataFrame({"class": names, "count": 20, "accuracy": counts.diagonal() / 20})
        return pd.concat([per_class, pd.DataFrame(counts, columns=names)], axis="columns")


def runs(losses, seeds, **settings):
    """Complete runs of several losses; ``settings`` maps a loss to the arguments of its runs."""
    return [Run(loss, seed, **settings.get(loss, {})) for loss in losses for seed in range(seeds)]


def study(reads, **more):
    """A study of these runs that makes nothing of them."""
    return Study("Which?", {}, reads=reads, **more)
