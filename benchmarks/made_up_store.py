"""A made-up MLflow store whose truth is known, of any size: rows in MLflow's tables and the artifacts a report reads.

python -m benchmarks.made_up_store /tmp/store --runs 10000 --settings 10 --truth ce_better
python report.py --losses softmax_ce,mse --tracking-uri sqlite:////tmp/store/mlflow.db --output /tmp/report
"""

from __future__ import annotations

import argparse
import io
import math
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path

import numpy as np

from ce_harness import metrics, theory

EPOCHS, STEPS = 30, 1000
START = 1_700_000_000_000  # milliseconds since 1970
CLASSES = 10
VARIABLES = [
    f"{layer}/{kind}" for layer in ("conv1", "conv2", "dense1", "dense2", "head") for kind in ("kernel", "bias")
]
COLUMNS = ["loss", "grad_norm/global", "grad_norm/logits", *(f"grad_norm/variable/lenet5/{v}" for v in VARIABLES)]
GROUPS = ("dataset", "model", "loss", "optimizer")
GRID = {
    "dataset": ("digits", "fashion_mnist", "mnist", "cifar10", "cifar100"),
    "model": ("lenet5", "convnet", "mlp", "softmax_regression", "vgg_small", "resnet20"),
    "optimizer": ("sgd", "adam", "adamw"),
    "learning_rate": (0.05,),
}


@dataclass(frozen=True)
class Truth:
    """What a run of a cell does, before the noise of its seed.

    Attributes:
        accuracy: on the test set.
        epochs_to_learn: time constant of the learning curve.
        ece: expected calibration error.
        gradient: norm of the logit gradient at the start.
        status: ``complete``, ``diverged`` or ``failed``; None for a cell that was never run.
    """

    accuracy: float = 0.95
    epochs_to_learn: float = 3.0
    ece: float = 0.02
    gradient: float = 0.95
    status: str | None = "complete"


SAME = Truth()
# What each store holds; a cell is tags and parameters, its values text or numbers.
TRUTHS: dict[str, Callable[[Mapping], Truth]] = {
    "no_difference": lambda cell: SAME,
    "ce_better": lambda cell: Truth(0.90, 6.0, 0.06, 0.19) if cell["loss"].startswith("mse") else SAME,
    "mse_better": lambda cell: Truth(0.98, 1.5, 0.005, 0.19) if cell["loss"].startswith("mse") else SAME,
    # A fifth of the runs of squared error diverged, another fifth was never run.
    "gaps": lambda cell: (
        Truth(0.90, status={0: "diverged", 1: None}.get(cell["seed"] % 5, "complete"))
        if cell["loss"].startswith("mse")
        else SAME
    ),
}


def make(folder: Path, study: str, cells: Iterable[Mapping], truth: Callable[[Mapping], Truth], **common) -> str:
    """Write a store into a folder; one without runs may be there.

    Args:
        study: the tag of every run.
        cells: one per run: ``dataset``, ``model``, ``loss``, ``optimizer``, ``seed``, ``learning_rate`` and any other
            parameter.
        truth: what the run of a cell does.
        **common: further tags of every run.

    Returns:
        Its tracking URI.
    """
    from ce_harness.tracking.store import experiment_id, open_store

    uri = f"sqlite:///{folder / 'mlflow.db'}"
    experiment = int(experiment_id(open_store(uri), study))
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        database.execute("PRAGMA synchronous = OFF")
        numbered = enumerate(cells)
        while batch := list(islice(numbered, 500)):
            rows: dict[str, list[tuple]] = {"runs": [], "tags": [], "params": [], "latest_metrics": [], "metrics": []}
            for number, cell in batch:
                if truth(cell).status:
                    _add_run(rows, folder, study, experiment, number, cell, truth(cell), common)
            for table, lines in rows.items():
                names = COLUMNS_OF[table].split()
                marks = ", ".join("?" * len(names))
                database.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", lines)
            database.commit()
    return uri


COLUMNS_OF = {
    "runs": "run_uuid name source_type user_id status start_time end_time lifecycle_stage artifact_uri experiment_id",
    "tags": "key value run_uuid",
    "params": "key value run_uuid",
    "latest_metrics": "key value timestamp step is_nan run_uuid",
    "metrics": "key value timestamp step is_nan run_uuid",
}


def _add_run(rows, folder, study, experiment, number, cell, truth, common) -> None:
    key = uuid.uuid5(uuid.NAMESPACE_OID, repr((study, sorted(cell.items())))).hex
    when = START + 1000 * number
    name = "{dataset}-{model}-{loss}-s{seed}".format(**cell)
    artifacts = folder / "artifacts" / study / key / "artifacts"
    ended = "FINISHED" if truth.status == "complete" else "FAILED"
    rows["runs"].append(
        (key, name, "UNKNOWN", "unknown", ended, when, when + 999, "active", artifacts.as_uri(), experiment)
    )
    tags = {group: cell[group] for group in (*GROUPS, "seed")} | {"study": study, "status": truth.status}
    tags |= {"config_hash": key[:12], "code_digest": "code", "dataset_digest": f"sha-of-{cell['dataset']}"}
    tags |= {"num_classes": CLASSES, "git_commit": "unknown", "git_dirty": "false", "fingerprint": "made up"}
    tags |= {"mlflow.runName": name} | common
    params = {f"{group}.option{i}": "None" for group in GROUPS for i in range(6)}  # a real run has 33
    params |= {"batch_size": 64, "epochs": EPOCHS} | {k: v for k, v in cell.items() if k not in GROUPS}
    rows["tags"] += [(k, str(v), key) for k, v in tags.items()]
    rows["params"] += [(k, str(v), key) for k, v in params.items()]
    if truth.status == "complete":
        finals = write_artifacts(artifacts, cell, truth)
        last = [(k, v, when + 998, EPOCHS, 0, key) for k, v in finals.items()]
        rows["latest_metrics"] += last
        rows["metrics"] += last


def write_artifacts(folder: Path, cell: Mapping, truth: Truth) -> dict[str, float]:
    """The series of a run as files; returns its final metrics.

    Seeds are paired: a part of the noise is shared by all losses of equal seed.
    """
    folder.mkdir(parents=True)
    shared = np.random.default_rng([int(cell["seed"]), 1])
    own = np.random.default_rng(uuid.uuid5(uuid.NAMESPACE_OID, repr(sorted(cell.items()))).int % 2**63)
    accuracy = min(truth.accuracy + shared.normal(0, 0.004) + own.normal(0, 0.001), 1.0)
    ece = truth.ece * math.exp(own.normal(0, 0.1))
    error = 1 - accuracy
    brier = 1.5 * error + ece / 2
    test = {"accuracy": accuracy, "error": error, "nll": 3 * error + 2 * ece, "brier": brier, "ece": ece}
    test |= {"mse_mean": brier / CLASSES, "nll_calibrated": 3 * error, "ece_calibrated": 0.01}

    epoch = np.arange(1, EPOCHS + 1)
    curve = accuracy - (accuracy - 1 / CLASSES) * np.exp(-epoch / truth.epochs_to_learn) + own.normal(0, 0.001, EPOCHS)
    loss = 3 * (1 - curve)
    series = np.column_stack([epoch, epoch * STEPS // EPOCHS, curve, loss, loss, curve, loss, 1.5 * (1 - curve)])
    names = "epoch,step,train/accuracy,train/loss,val/loss,val/accuracy,val/nll,val/brier"
    _write_csv(folder / "epochs.csv", names, "%d,%d,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g", series)

    high = np.array(metrics.P_TRUE_EDGES)
    low = np.append(0, high[:-1])
    known = cell["loss"] if cell["loss"] in theory.LOSSES else "softmax_ce"
    norm = np.linalg.norm(theory.gradient_at(known, (low + high) / 2, 2), axis=-1)
    seen = np.tile(np.column_stack([low, high, np.full(len(low), 70), norm]), (EPOCHS, 1))
    bins = np.column_stack([np.repeat(epoch, len(low)), seen])
    bins[:, -1] *= np.exp(own.normal(0, 0.02, len(bins)))
    _write_csv(folder / "gradient_bins.csv", "epoch,p_low,p_high,count,mean_norm", "%d,%g,%g,%d,%.6g", bins)

    edges = metrics.confidence_edges()
    confidence = (edges[:-1] + edges[1:]) / 2
    count = np.round(450 * confidence**6 / (confidence**6).sum())
    as_trained = np.column_stack([edges[:-1], edges[1:], count, confidence, np.maximum(confidence - 2 * ece, 0)])
    calibrated = np.column_stack([edges[:-1], edges[1:], count, confidence, confidence])
    both = np.vstack([np.insert(as_trained, 0, 0, axis=1), np.insert(calibrated, 0, 1, axis=1)])
    text = "calibrated,bin_low,bin_high,count,confidence,accuracy"
    _write_csv(folder / "reliability.csv", text, "%d,%g,%g,%d,%.6g,%.6g", both)
    reliability = (folder / "reliability.csv").read_text().replace("\n0,", "\nFalse,").replace("\n1,", "\nTrue,")
    (folder / "reliability.csv").write_text(reliability)

    decay = truth.gradient * np.exp(own.normal(0, 0.2, STEPS)) / np.sqrt(np.arange(1, STEPS + 1))
    shares = np.array([2.3, 0.4, 1.0, *np.linspace(0.1, 0.3, len(VARIABLES))])
    content = io.BytesIO()
    np.savez(content, columns=np.array(COLUMNS), values=np.outer(decay, shares).astype(np.float32))
    (folder / "steps.npz").write_bytes(content.getvalue())
    last = dict(zip(COLUMNS, (decay[-1] * shares).tolist(), strict=True))
    last = {"step/loss" if name == "loss" else name: value for name, value in last.items()}
    val = {"accuracy": curve[-1], "loss": loss[-1], "nll": loss[-1], "brier": 1.5 * (1 - curve[-1])}
    prefixed = {"test/": test, "val/": val, "best/val/": val, "train/": val}
    return last | {prefix + name: float(value) for prefix, found in prefixed.items() for name, value in found.items()}


def _write_csv(path: Path, names: str, row: str, values: np.ndarray) -> None:
    path.write_text(names + "\n" + (row + "\n") * len(values) % tuple(values.ravel().tolist()))


def grid(runs: int, settings: int, losses: Iterable[str] = ("softmax_ce", "builtin_ce", "mse")) -> Iterator[dict]:
    """About so many cells: the settings, every loss in each of them, and as many seeds as that leaves."""
    losses = list(losses)
    chosen = list(islice(product(*GRID.values()), settings))
    seeds = max(runs // (len(losses) * len(chosen)), 1)
    for values, loss, seed in product(chosen, losses, range(seeds)):
        yield {**dict(zip(GRID, values, strict=True)), "loss": loss, "seed": seed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="made if it does not exist")
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--settings", type=int, default=1, help="over how many settings they are spread, at most 90")
    parser.add_argument("--truth", choices=TRUTHS, default="ce_better")
    parser.add_argument("--study", default="single_runs")
    args = parser.parse_args()
    cells = grid(args.runs, args.settings)
    print(make(args.folder.absolute(), args.study, cells, TRUTHS[args.truth]))


if __name__ == "__main__":
    main()
