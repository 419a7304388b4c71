"""A random twentieth of each large study's runs, trained again: equal to the last bit?

Command: python -m benchmarks repeat    (a twentieth of the hours that the studies took, and as many starts)
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmarks.trained_again import committed, settings, train
from ce_harness.errors import ConfigError
from ce_harness.report.evidence.run import scores
from ce_harness.report.study import Table
from ce_harness.tracking.reading import TrackedRun

STUDIES = ("mse_vs_ce_2", "number_of_classes", "tuning_budget", "label_noise")
IDENTITY = ("study", "dataset", "model", "loss", "optimizer", "learning_rate", "seed", "run")
SHARE = 0.05
ACCURACY, DIFFERENCE = "val/accuracy", "difference of val/accuracy"
ORIGIN = {"fingerprint": "fingerprint", "code": "code_digest"}


def repeat(share: float | None = None, fingerprint: str = "") -> Table:
    """Each run alone in its process, in a fresh store, whatever sweep it was part of before.

    Args:
        share: of each study's runs; None for a twentieth.
        fingerprint: a part of it, such as ``cpu=ebaee32e``: other runs are not drawn.

    Raises:
        ConfigError: no run has such a fingerprint.
    """
    drawn = [_drawn(study, share or SHARE, fingerprint) for study in STUDIES]
    before = pd.concat([part for part, _ in drawn], ignore_index=True)
    if before.empty:
        raise ConfigError(f"--fingerprint {fingerprint}: no run has it; results/STUDY/rows/runs.csv names theirs")
    asked = list(zip(before["study"], [values for _, part in drawn for values in part], strict=True))
    frame = compared(before, dict(zip(before.index, train(asked), strict=True)))
    same = [f"same {what}" for what in ORIGIN]
    groups = frame.groupby(["study", "dataset", "model"], sort=False)
    shown = pd.concat([groups.size().rename("runs"), groups[[*same, "equal"]].sum()], axis=1).reset_index()
    shown.loc[len(shown)] = ["all", "", "", *shown.iloc[:, 3:].sum()]
    largest = [*groups[DIFFERENCE].max(), frame[DIFFERENCE].max()]
    shown["val/accuracy differs by at most"] = [f"{difference:.2g}" for difference in largest]
    return Table(
        "Runs of the large studies, drawn at random, trained again",
        frame,
        shown,
        (
            "Equal: the same end, and every score that the rows keep of it is the same to the last bit. The rows keep "
            "scores on validation, and of the compared runs on the test set, too.",
            "Same: as it was the first time. A fingerprint names versions, threads and processor features. How far an "
            "accuracy differs counts the runs that ended both times.",
        ),
    )


def _drawn(name: str, share: float, fingerprint: str) -> tuple[pd.DataFrame, list[dict[str, object]]]:
    """(Rows of some runs of the study, their settings)."""
    study, kept = committed(name)
    trained = pd.concat([kept.tuning, kept.runs], ignore_index=True)
    drawn_from = trained[trained["fingerprint"].str.contains(fingerprint, regex=False)]
    number = min(math.ceil(share * len(trained)), len(drawn_from))
    drawn = drawn_from.sample(number, random_state=0).assign(study=name)
    return drawn, settings(study, drawn)


def compared(before: pd.DataFrame, again: Mapping[int, TrackedRun | None]) -> pd.DataFrame:
    """One line per earlier run: its repetition is of the ``same fingerprint``, the ``same code``, ``equal``?

    Also by how much its accuracy on validation differs; NaN where either has none.

    Args:
        before: the rows of the earlier runs.
        again: each row's repetition, by the row's number; None if it could not be trained.
    """
    lines = []
    for number, row in before.iterrows():
        # Of a run that diverged no score is kept.
        kept = {name: row[name] for name in row.index if name.startswith(("test/", "val/")) and not pd.isna(row[name])}
        run = again[number]
        found = scores(run) if run is not None and run.status == "complete" else {}
        equal = run is not None and run.status == ("complete" if kept else "diverged")
        equal = equal and all(found.get(name) == value for name, value in kept.items())
        difference = abs(found.get(ACCURACY, np.nan) - kept.get(ACCURACY, np.nan))
        same = {f"same {what}": run is not None and run.tags[tag] == row[tag] for what, tag in ORIGIN.items()}
        identity = {name: row[name] for name in IDENTITY}
        lines.append(identity | same | {"equal": equal, DIFFERENCE: difference})
    return pd.DataFrame(lines)


TABLES = {"repeat": repeat}
