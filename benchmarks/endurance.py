"""Thousands of tiny runs, one after the other in one worker: do its memory, its descriptors and the time stay flat?

Command: python -m benchmarks endurance --runs 5000    (two hours on one core)
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ce_harness.errors import HarnessError
from ce_harness.report.study import Table

RUNS = 5000
ROWS = 10  # of the table
TINY = ("model=softmax_regression", "dataset.limit=64", "batch_size=64", "epochs=1", "threads=1")
SECONDS_BETWEEN_LOOKS = 1.0


class Worker(NamedTuple):
    """What Linux says of it; its cells are in the core-seconds, and nowhere else."""

    core_seconds: float
    megabytes: float
    descriptors: int


def endurance(runs: int | None = None) -> Table:
    """A sweep over seeds, in whose own process all cells are forked.

    Args:
        runs: how many; 5,000 by default.

    Raises:
        HarnessError: a run failed.
    """
    runs = runs or RUNS
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        words = ["-m", f"seed=range({runs})", "hydra.launcher.n_jobs=1", *TINY, f"runs_dir={folder}/runs"]
        sweep = subprocess.Popen([sys.executable, "run.py", *words], stdout=subprocess.DEVNULL)
        ended, before = _first_of_all(Path(folder), sweep)
        while sweep.poll() is None:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            ended_now, worker = _ended(Path(folder)), _worker(sweep.pid)
            if worker and ended_now - ended >= runs // ROWS:
                rows.append(_row(ended_now, ended_now - ended, worker, before))
                ended, before = ended_now, worker
    if sweep.returncode:
        raise HarnessError("the sweep failed; its summary is above")
    return Table(
        f"{runs} runs in one worker",
        pd.DataFrame(rows),
        notes=(
            "64 digits, softmax regression, one step. Each run is a process that the worker forks.",
            "Core-seconds of a run are the mean since the line before, the worker's own included. Memory is what the "
            "worker has resident.",
        ),
    )


def _first_of_all(folder: Path, sweep: subprocess.Popen[bytes]) -> tuple[int, Worker]:
    """How many runs have ended when the first has, and the worker then: planning and imports are over."""
    while sweep.poll() is None:
        worker = _worker(sweep.pid)
        if worker and (ended := _ended(folder)):
            return ended, worker
        time.sleep(SECONDS_BETWEEN_LOOKS)
    raise HarnessError("the sweep ended before its first run")


def _ended(folder: Path) -> int:
    return sum(1 for _ in folder.glob("runs/*/outcome.json"))


def _worker(pid: int) -> Worker | None:
    """None once it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None
    ticks, pages = sum(map(int, fields[11:15])), int(fields[21])
    return Worker(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 1e6, descriptors)


def _row(ended: int, new: int, worker: Worker, before: Worker) -> dict[str, object]:
    return {
        "runs": ended,
        "core-seconds a run": round((worker.core_seconds - before.core_seconds) / new, 2),
        "memory (MB)": round(worker.megabytes),
        "descriptors": worker.descriptors,
    }


TABLES = {"endurance": endurance}
