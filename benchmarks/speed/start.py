"""From the command to the first step: ours beside a bare Keras script, and what ours does meanwhile."""

from __future__ import annotations

import re
import runpy
import sys
import tempfile
import time
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.speed.aims import aim
from benchmarks.speed.training import timed
from ce_harness.report.study import Table

ROUNDS = 7
STEPS = ("python and Hydra", "config", "TensorFlow and Keras", "training and MLflow", "data and network", "first steps")
FIRST_STEP = "{_target_: benchmarks.speed.first_step.FirstStep}"


def start() -> Table:
    """Seconds of whole processes until the callback of the first batch, in turn."""
    bare = [sys.executable, "-m", "benchmarks.speed.bare", "lenet5", "1", "digits", "64"]
    times: dict[str, list[float]] = {"bare": [], "ours": [], **{step: [] for step in STEPS}}
    with tempfile.TemporaryDirectory() as folder:
        ours = [f"+callbacks.first={FIRST_STEP}", "epochs=1", f"runs_dir={folder}"]
        timed([sys.executable, "run.py", *ours, f"seed={ROUNDS}"])  # makes the store
        for seed in range(ROUNDS):
            times["bare"].append(_until(bare)["first step"])
            times["ours"].append(_until([sys.executable, "run.py", *ours, f"seed={seed}"])["first step"])
            split = [sys.executable, "-m", "benchmarks.speed.start", *ours, f"seed={ROUNDS + 1 + seed}"]
            told = _until(split)
            moments = [0.0, *(told[step] for step in STEPS[:-1]), told["first step"]]
            for step, seconds in zip(STEPS, np.diff(moments), strict=True):
                times[step].append(float(seconds))
    ratio = float(np.median(np.array(times["ours"]) / np.array(times["bare"])))
    median = {what: float(np.median(seconds)) for what, seconds in times.items()}
    rows: list[dict[str, Any]] = [
        {"what": "bare Keras script", "median": median["bare"]},
        {"what": "ours", "median": median["ours"]},
        {"what": "ours / bare", "median": ratio} | aim(ratio, 1.0),
        *({"what": f"ours: {step}", "median": median[step]} for step in STEPS),
    ]
    frame = pd.DataFrame(rows).fillna("")
    return Table(
        "From the command to the end of the first step: digits, LeNet-5",
        frame,
        frame.assign(median=frame["median"].map("{:.2f}".format)),
        (
            f"Seconds of whole processes, medians of {ROUNDS}, in turn. Ours is told by the same callback, after the "
            "epoch's 17 steps: they are one call into TensorFlow. An earlier run has made the MLflow store. What ours "
            "does meanwhile is from runs of their own, in which the clock is read in between.",
        ),
    )


def _until(command: list[str]) -> dict[str, float]:
    """Seconds from the command to each moment that it prints, as ``moment NAME: SECONDS SINCE 1970``."""
    began = time.time()
    printed = str(timed(command)["printed"])
    return {name: float(moment) - began for name, moment in re.findall(r"^moment (.+): ([\d.]+)$", printed, re.M)}


def tell(moment: str) -> None:
    """Prints when this was."""
    print(f"moment {moment}: {time.time():.3f}", flush=True)


def main() -> None:
    """``run.py`` with these words; tells when each part of its start is over."""
    from ce_harness.startup import prepare

    prepare()
    command = import_module("ce_harness.cli.run")
    checked, import_tensorflow = command.checked, command.import_tensorflow

    def check(*args: Any) -> Any:
        tell(STEPS[0])
        return checked(*args)

    def import_all() -> None:
        tell(STEPS[1])
        import_tensorflow()
        tell(STEPS[2])
        loop = import_module("ce_harness.training.loop")
        tell(STEPS[3])
        set_up = loop._set_up

        def set_up_and_tell(*args: Any) -> Any:
            ready = set_up(*args)
            tell(STEPS[4])
            return ready

        loop._set_up = set_up_and_tell

    command.checked, command.import_tensorflow = check, import_all
    runpy.run_path("run.py", run_name="__main__")


if __name__ == "__main__":
    main()
