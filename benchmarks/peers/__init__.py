"""The same 12 digits runs in PyTorch and JAX, each as its users would write them, beside our sweep.

They are not among our requirements: `make peers` installs them in an environment of their own.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.speed.training import timed
from ce_harness.datasets import digits
from ce_harness.errors import ConfigError
from ce_harness.report.study import Table

PYTHON = Path(".venv-peers/bin/python")
SCRIPTS = Path(__file__).parent
EPOCHS, BATCH_SIZE, SEEDS, REPEATS = 30, 64, 4, 3
LOSSES = ("softmax_ce", "builtin_ce", "mse")  # of which the first two are one loss to the peers, trained twice


def peers(repeats: int = REPEATS) -> Table:
    """Whole processes, in turn.

    Raises:
        ConfigError: the peers are not installed.
    """
    if not PYTHON.exists():
        raise ConfigError(f"{PYTHON}: PyTorch and JAX are not installed; make peers")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "digits.npz"
        _write(data)
        options = [str(data), str(EPOCHS), str(BATCH_SIZE), str(SEEDS)]
        sweep = [f"loss={','.join(LOSSES)}", f"seed=range({SEEDS})", f"epochs={EPOCHS}", f"batch_size={BATCH_SIZE}"]
        commands = {
            "ours, a process per run": [sys.executable, "run.py", "-m", *sweep, "threads=1"],
            "PyTorch, one run after another": [str(PYTHON), str(SCRIPTS / "torch_runs.py"), *options],
            "JAX, one run after another": [str(PYTHON), str(SCRIPTS / "jax_runs.py"), *options],
            "JAX, the seeds of a loss in one vmap": [str(PYTHON), str(SCRIPTS / "jax_runs.py"), *options, "vmap"],
        }
        times: dict[str, list[dict[str, float | str]]] = {what: [] for what in commands}
        for repeat in range(repeats):
            for what, command in commands.items():
                own_folder = [f"runs_dir={folder}/{repeat}"] if what.startswith("ours") else []
                times[what].append(timed([*command, *own_folder]))
    ours = np.array([time["process (s)"] for time in times["ours, a process per run"]])
    rows = []
    for what, measured in times.items():
        seconds = np.array([time["process (s)"] for time in measured])
        rows.append(
            {
                "what": what,
                "seconds": np.median(seconds),
                "of ours": np.median(seconds / ours),
                "lowest validation accuracy": _lowest_accuracy(measured[-1]["printed"]),
            }
        )
    frame = pd.DataFrame(rows)
    return Table(
        f"{len(LOSSES) * SEEDS} digits runs of LeNet-5, {EPOCHS} epochs, in three libraries",
        frame,
        frame.assign(
            **{
                "seconds": frame["seconds"].map("{:.1f}".format),
                "of ours": frame["of ours"].map("{:.2f}".format),
                "lowest validation accuracy": frame["lowest validation accuracy"].map(_percent),
            }
        ),
        (
            f"Whole processes, imports and compilation included, medians of {repeats}, in turn. All train the same "
            "split with SGD and momentum, and validate after each epoch. The peers keep nothing. Ours keeps gradient "
            "norms of every step, journals, artifacts and an MLflow store, and each of its runs has the bits that it "
            "would have alone. JAX leaves out the last, smaller batch of an epoch, since all shapes are one.",
        ),
    )


def _write(file: Path) -> None:
    dataset = digits(split_seed=0)
    train, validation = dataset.train, dataset.validation
    np.savez(file, x=train.images, y=train.labels, x_val=validation.images, y_val=validation.labels)


def _lowest_accuracy(printed: float | str) -> float:
    words = str(printed).split()
    return min(float(word) for word in words[words.index("accuracies") + 1 :]) if "accuracies" in words else np.nan


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{100 * share:.1f}%"


TABLES = {"peers": peers}
