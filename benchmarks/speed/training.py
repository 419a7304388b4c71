"""The cost of a run, beside a bare Keras script and beside the training alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.speed.aims import aim
from benchmarks.speed.loop import BATCH_SIZE
from ce_harness.report.study import Table

NETWORKS = ("lenet5", "convnet")
EPOCHS, REPEATS = 5, 3
FIT_AT_MOST = {"lenet5": 0.55, "convnet": 0.6}
PROCESS_AT_MOST = 0.75
MORE_MEMORY_AT_MOST = 150  # MB


def against_bare() -> Table:
    """Whole processes in turn: `run.py` with everything on, `bare.py`, and `alone.py`."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        _run_py("lenet5", folder, epochs=1, seed=REPEATS)  # makes the store
        for network in NETWORKS:
            rounds = [
                (_run_py(network, folder, EPOCHS, seed), _script("bare", network), _script("alone", network))
                for seed in range(REPEATS)
            ]
            for measure, limited, limit in (
                ("fit (s)", "ours / bare", FIT_AT_MOST[network]),
                ("process (s)", "ours / bare", PROCESS_AT_MOST),
                ("processor time (core-s)", "ours / bare", None),
                ("peak memory (MB)", "ours - bare", MORE_MEMORY_AT_MOST),
            ):
                ours, bare, alone = (np.array([side[measure] for side in sides]) for sides in zip(*rounds, strict=True))
                row = {
                    "network": network,
                    "measure": measure,
                    "ours": np.median(ours),
                    "bare": np.median(bare),
                    "training alone": np.median(alone),
                    "ours / bare": np.median(ours / bare),
                    "alone / bare": np.median(alone / bare),
                    "ours - bare": np.median(ours - bare),
                }
                rows.append(row | aim(row[limited], limit))
    frame = pd.DataFrame(rows)
    return Table(
        f"A run with everything on against a bare Keras script: Fashion-MNIST, batch {BATCH_SIZE}, {EPOCHS} epochs",
        frame,
        frame.assign(**{c: frame[c].map("{:.2f}".format) for c in frame.columns[2:8]}),
        (
            f"Medians of {REPEATS} runs of each, in turn, on all cores of this machine. On: gradient norms at every "
            "step, journal, checkpoints, MLflow. Ours and the bare script validate after each epoch. Processor time is "
            "that of the process on all cores, imports and all; other programs on the machine disturb it least. The "
            "limits are of ours / bare, that of the memory is of ours - bare. An earlier run has made the MLflow "
            "store.",
            "Training alone: the same network, batch size and SGD with momentum, each epoch one call into TensorFlow, "
            "without Keras loop, validation, metrics, norms or records (benchmarks/speed/alone.py). Where alone / "
            "bare is above a limit, no program can keep it that trains this network with this TensorFlow on this "
            "machine.",
        ),
    )


def _run_py(network: str, folder: str, epochs: int, seed: int) -> dict[str, float]:
    overrides = ("dataset=fashion_mnist", f"model={network}", f"epochs={epochs}", f"batch_size={BATCH_SIZE}")
    before = set(Path(folder).glob("*/journal.jsonl"))
    measured = timed([sys.executable, "run.py", *overrides, f"seed={seed}", f"runs_dir={folder}"])
    (journal,) = set(Path(folder).glob("*/journal.jsonl")) - before
    times = [json.loads(line)["time_ms"] for line in journal.read_text().splitlines()]
    # From the record that opens the journal, just before `fit`, to that of the last epoch.
    return measured | {"fit (s)": (times[epochs] - times[0]) / 1e3}


def _script(name: str, network: str) -> dict[str, float]:
    measured = timed([sys.executable, "-m", f"benchmarks.speed.{name}", network, str(EPOCHS)])
    return measured | {"fit (s)": float(measured["printed"].split()[-1])}


def timed(command: list[str], exit_code: int = 0) -> dict[str, float | str]:
    """Runs a command; its wall-clock and processor seconds and peak resident memory, by the system's account.

    Raises:
        RuntimeError: it left with another exit code than it was to.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != exit_code:
        raise RuntimeError(f"{' '.join(command)}: exit status {os.waitstatus_to_exitcode(status)}")
    return {
        "process (s)": time.perf_counter() - start,
        "processor time (core-s)": usage.ru_utime + usage.ru_stime,
        "peak memory (MB)": usage.ru_maxrss / 1024,
        "printed": printed,
    }
