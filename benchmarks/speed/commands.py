"""How long a user waits for commands that train nothing."""

from __future__ import annotations

import sys
import tempfile

import numpy as np
import pandas as pd

from benchmarks.speed.aims import aim
from benchmarks.speed.training import timed
from ce_harness.report.study import Table

REPEATS = 7
TINY = ("run.py", "model=softmax_regression", "epochs=1", "runs_dir={folder}")
# Command -> its words, its exit code, and the seconds that it may take.
COMMANDS = {
    "python run.py --help": (("run.py", "--help"), 0, 1.0),
    "python run.py loss=mes, refused": (("run.py", "loss=mes"), 2, 1.0),
    "python run.py batch_size=0, refused": (("run.py", "batch_size=0"), 2, 1.0),
    "a complete run again": (TINY, 0, 2.0),
    "the report of 30 runs": (("report.py", "demo", "--from", "results/demo", "--output", "{folder}/report"), 0, 4.0),
}


def answers() -> Table:
    """Median seconds of whole processes."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:

        def seconds(words, exit_code=0):
            return timed([sys.executable, *(word.format(folder=folder) for word in words)], exit_code)["process (s)"]

        seconds(TINY)  # the run that is then complete
        for command, (words, exit_code, limit) in COMMANDS.items():
            times = [seconds(words, exit_code) for _ in range(REPEATS)]
            rows.append({"command": command, "median (s)": np.median(times), "slowest (s)": max(times)})
            rows[-1] |= aim(rows[-1]["median (s)"], limit)
    frame = pd.DataFrame(rows)
    return Table(
        "How long a command takes that trains nothing",
        frame,
        frame.assign(**{c: frame[c].map("{:.2f}".format) for c in frame.columns[1:3]}),
        (f"Whole processes, {REPEATS} of each.",),
    )
