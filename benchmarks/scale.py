"""How planning a sweep, reading runs back and reporting on them grow with the number of runs, and data with its size.

Command: python -m benchmarks scale    (about 15 minutes)
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.made_up_store import TRUTHS, grid, make
from benchmarks.own_images import own_images
from benchmarks.speed.aims import aim
from benchmarks.speed.training import timed
from ce_harness.report.study import Table

STORES = ((300, 1), (300, 10), (1000, 10), (10000, 90))  # (runs, settings)
LOSSES = ("softmax_ce", "mse")
# Of 10,000 runs and cells.
SECONDS_AT_MOST = {"plan a sweep": 15, "report": 25}
REPORT_MEMORY_AT_MOST = 500  # MB


def scale() -> Table:
    """Whole processes, one after the other, on made-up stores."""
    rows = []
    for runs, settings in STORES:
        with tempfile.TemporaryDirectory() as folder:
            cells = grid(runs, settings, LOSSES)
            uri = make(Path(folder), "single_runs", cells, TRUTHS["ce_better"])
            report = ["report.py", "--losses", ",".join(LOSSES), "--tracking-uri", uri, "--output", f"{folder}/report"]
            rebuild = ["report.py", "--losses", ",".join(LOSSES), "--from", f"{folder}/report"]
            module = ["-m", "benchmarks.scale"]
            for what, command in (
                ("plan a sweep", [*module, "plan", str(runs)]),
                ("read the store", [*module, "read", uri]),
                ("report", report),
                ("report from its rows", [*rebuild, "--output", f"{folder}/again"]),
            ):
                measured = timed([sys.executable, *command])
                rows.append({"what": what, "runs": runs, "settings": settings})
                rows[-1] |= {"seconds": measured["process (s)"], "peak memory (MB)": measured["peak memory (MB)"]}
                rows[-1] |= aim(measured["process (s)"], SECONDS_AT_MOST.get(what) if runs == 10000 else None)
    frame = pd.DataFrame(rows)
    return Table(
        "How the parts of the harness that touch all runs at once grow",
        frame,
        frame.assign(
            **{
                "seconds": frame["seconds"].map("{:.1f}".format),
                "peak memory (MB)": frame["peak memory (MB)"].map("{:.0f}".format),
            }
        ),
        (
            "Whole processes, imports included, once each. Made-up SQLite stores; a run has 1,000 steps of 13 series, "
            "30 epochs, 28 parameters and 33 metrics. Planning composes and checks every cell, none of which has run. "
            "The limits are of the seconds; a report on 10,000 runs is to take "
            f"{REPORT_MEMORY_AT_MOST} MB at most, too.",
        ),
    )


def _plan(cells: int) -> None:
    from benchmarks.speed.sweeps import planned

    sweep = [(f"loss={LOSSES[i % 2]}", "model=mlp", f"seed={i // 2}") for i in range(cells)]
    print(sum(not cell.run.finished(cell.config) for cell in planned(sweep)))


def _read(tracking_uri: str) -> None:
    from ce_harness.tracking.reading import read_runs

    print(len(read_runs(tracking_uri, "single_runs")))


# In this order: the peak memory of a child, as the system counts it, begins with its parent's.
TABLES = {"scale": scale, "own_images": own_images}

if __name__ == "__main__":
    what, argument = sys.argv[1:]
    _plan(int(argument)) if what == "plan" else _read(argument)
