"""A random twentieth of a study's runs, trained again: equal to the last bit?

Command: python report.py repeat    (14 minutes on 2 cores)
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from ce_harness.report.evidence import rows
from ce_harness.report.study import Evidence, Study, Table
from ce_harness.tracking.reading import TrackedRun, read_runs
from experiments import mse_vs_ce

REPEATED, READS = "mse_vs_ce", mse_vs_ce.STUDY.reads
SHARE = 0.05
ACCURACY, DIFFERENCE = "val/accuracy", "difference of val/accuracy"
ORIGIN = {"fingerprint": "fingerprint", "code": "code_digest"}


def repeat(_: Evidence) -> Table:
    """Each run alone in its process, in a fresh store, whatever sweep it was part of before."""
    kept = rows.from_files(rows.read(Path("results") / REPEATED))
    before = pd.concat([kept.tuning, kept.runs]).sample(frac=SHARE, random_state=0)
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        with ThreadPoolExecutor(joblib.cpu_count()) as pool:
            list(pool.map(partial(_train, folder), before[list(READS)].to_dict("records")))
        frame = compared(before, read_runs(uri, REPEATED))
    same = [f"same {what}" for what in ORIGIN]
    groups = frame.groupby(["dataset", "model"], sort=False)
    shown = pd.concat([groups.size().rename("runs"), groups[[*same, "equal"]].sum()], axis=1).reset_index()
    shown.loc[len(shown)] = ["all", "", *shown.iloc[:, 2:].sum()]
    largest = [*groups[DIFFERENCE].max(), frame[DIFFERENCE].max()]
    shown["val/accuracy differs by at most"] = [f"{difference:.2g}" for difference in largest]
    return Table(
        f"A random {SHARE:.0%} of the runs of {REPEATED}, trained again",
        frame,
        shown,
        (
            "Equal: the same end, and every score that the rows keep of it (on validation; of the compared runs on the "
            "test set, too) the same to the last bit.",
            "Same: as it was the first time. A fingerprint names versions, threads and processor features. How far an "
            "accuracy differs counts the runs that ended both times.",
        ),
    )


def _train(folder: str, cell: dict[str, object]) -> None:
    settings = [f"{name}={value}" for name, value in cell.items()]
    command = [sys.executable, "run.py", f"experiment={REPEATED}", *settings, f"runs_dir={folder}"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # one that diverges exits with 4


def compared(before: pd.DataFrame, again: Sequence[TrackedRun]) -> pd.DataFrame:
    """One line per earlier run: its repetition is of the ``same fingerprint``, the ``same code``, ``equal``?

    Also by how much its accuracy on validation differs; NaN where either has none.
    """
    by_config = {run.tags["config_hash"]: run for run in again}
    lines = []
    for row in before.to_dict("records"):
        # Of a run that diverged no score is kept.
        kept = {name: row[name] for name in row if name.startswith(("test/", "val/")) and not pd.isna(row[name])}
        run = by_config.get(row["config_hash"])
        found = rows.final_metrics(run) if run is not None and run.status == "complete" else {}
        equal = run is not None and run.status == ("complete" if kept else "diverged")
        equal = equal and all(found.get(name) == value for name, value in kept.items())
        difference = abs(found.get(ACCURACY, np.nan) - kept.get(ACCURACY, np.nan))
        same = {f"same {what}": run is not None and run.tags[tag] == row[tag] for what, tag in ORIGIN.items()}
        cell = {name: row[name] for name in ("run", *READS)}
        lines.append(cell | same | {"equal": equal, DIFFERENCE: difference})
    return pd.DataFrame(lines)


STUDY = Study(question="Does a run of the study, trained again, give the same bits?", tables={"repeat": repeat})
