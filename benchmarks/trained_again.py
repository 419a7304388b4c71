"""Runs of committed studies, each trained alone in a process of its own, in a fresh store."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import pandas as pd

from ce_harness.cli import studies
from ce_harness.cli.composing import override
from ce_harness.errors import DivergedError
from ce_harness.report.evidence import rows
from ce_harness.report.study import Evidence, Study
from ce_harness.tracking.reading import TrackedRun, read_runs


def committed(name: str) -> tuple[Study, Evidence]:
    """A study and the rows in its folder of results."""
    study = studies.find(name).load()
    files, _ = rows.read(Path("results") / name)
    return study, rows.from_files(files, study.tunes)


def settings(study: Study, runs: pd.DataFrame) -> list[dict[str, object]]:
    """What tells the runs of a study apart: a value for each key that it reads."""
    return [{str(key): one for key, one in row.items()} for row in runs[list(study.reads or ())].to_dict("records")]


def train(asked: Sequence[tuple[str, Mapping[str, object]]]) -> list[TrackedRun | None]:
    """As many runs at a time as there are cores.

    Args:
        asked: the name of the study and the run's ``settings``, of each run.

    Returns:
        The runs in the same order; None for one that could not be trained.
    """
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(joblib.cpu_count()) as pool:
        list(pool.map(lambda number: _train(folder, number, *asked[number]), range(len(asked))))
        return [_tracked(folder, number) for number in range(len(asked))]


def _train(folder: str, number: int, study: str, values: Mapping[str, object]) -> None:
    # Filed under a study of its own: that changes no bit of a run, and says which it is.
    where = [f"study={_study(number)}", f"runs_dir={folder}"]
    command = [sys.executable, "run.py", *overrides(study, values), *where]
    trained = subprocess.run(command, capture_output=True, text=True)
    if trained.returncode not in (0, DivergedError.exit_code):
        print(trained.stderr, file=sys.stderr)


def overrides(study: str, values: Mapping[str, object]) -> list[str]:
    """What trains a run of the study: ``values`` as its rows hold them, where null is None."""
    return [f"experiment={study}", *(override(name, [value]) for name, value in values.items())]


def _tracked(folder: str, number: int) -> TrackedRun | None:
    return next(iter(read_runs(f"sqlite:///{folder}/mlflow.db", _study(number), must_exist=False)), None)


def _study(number: int) -> str:
    return f"again_{number}"
