"""The cost of a run, beside a bare Keras script, beside the training alone, and beside itself with less switched on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from ce_harness.loading import import_tensorflow
from ce_harness.report.study import Evidence, Table
from experiments.benchmark.aims import aim
from experiments.benchmark.loop import BATCH_SIZE

NETWORKS = ("lenet5", "convnet")
EPOCHS, REPEATS = 5, 3
# For the overheads, within one process: calls into TensorFlow of up to 50 steps (some seven epochs in all), and epochs.
CALLS, ROUNDS = 63, 8
FIT_AT_MOST = {"lenet5": 0.55, "convnet": 0.6}
PROCESS_AT_MOST = 0.75
MORE_MEMORY_AT_MOST = 150  # MB
NORMS_AT_MOST, BOOKKEEPING_AT_MOST = 1.03, 1.02


def against_bare(_: Evidence) -> Table:
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
            "without Keras loop, validation, metrics, norms or records (experiments/benchmark/alone.py). Where alone / "
            "bare is above a limit, no program can keep it that trains this network with this TensorFlow on this "
            "machine.",
        ),
    )


def overheads(_: Evidence) -> Table:
    """In one process, in turn: calls without and with norms, epochs with norms alone and with bookkeeping, too."""
    rows = []
    for network in NETWORKS:
        # A process of its own, put into the state that a run trains in: threads, deterministic operations.
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            (plain, monitored), (measured, kept, bookkeeping) = process.submit(_times, network).result()
        for what, ratio, limit in (
            ("norms at every step / none", monitored / plain, NORMS_AT_MOST),
            ("journal, checkpoint, MLflow / norms alone", kept / measured, None),
            ("the same, by their own seconds", 1 + bookkeeping / (kept - bookkeeping), BOOKKEEPING_AT_MOST),
        ):
            row = {
                "network": network,
                "ratio of times": what,
                "median": np.median(ratio),
                "lower quartile": np.quantile(ratio, 0.25),
                "upper quartile": np.quantile(ratio, 0.75),
                "rounds": len(ratio),
                "ms per step": 1e3 * np.median(measured) / _steps_per_epoch(),
            }
            rows.append(row | aim(row["median"], limit))
    frame = pd.DataFrame(rows)
    return Table(
        "What measuring and keeping cost, over the same input pipeline",
        frame,
        frame.assign(**{c: frame[c].map("{:.3f}".format) for c in frame.columns[[2, 3, 4, 6]]}),
        (
            f"Norms: {CALLS} calls of up to 50 steps without and with them, in turn, in random order. Bookkeeping: "
            f"{ROUNDS} epochs without and with it, in turn; a ratio of two epochs is as uncertain as its quartiles lie "
            "apart. Their own seconds: those in which the training loop waits for journal and checkpoint, and the "
            "processor time of the thread that feeds MLflow, as if none of it ran beside the training; an epoch's "
            "share of the latter is the mean.",
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
    measured = timed([sys.executable, "-m", f"experiments.benchmark.{name}", network, str(EPOCHS)])
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


def _steps_per_epoch() -> int:
    from ce_harness.datasets import fashion_mnist

    return -(-len(fashion_mnist().train) // BATCH_SIZE)


def _times(network: str) -> tuple[np.ndarray, np.ndarray]:
    """Seconds.

    Returns:
        Of calls, (2, CALLS): without norms, with them. Of epochs, (3, ROUNDS): with norms, with them and bookkeeping,
        and of that alone.
    """
    import_tensorflow()
    import keras

    from ce_harness import models, runtime
    from ce_harness.callbacks import KeepJournal
    from ce_harness.datasets import fashion_mnist
    from ce_harness.datasets.pipeline import TrainingBatches
    from ce_harness.gradients import GradientMonitor
    from ce_harness.losses import SoftmaxCrossEntropy
    from ce_harness.record.journal import Journal
    from ce_harness.record.run_directory import RunDirectory
    from ce_harness.tracking.feed import Feed

    runtime.prepare(seed=0, threads=joblib.cpu_count(), precision="float32")
    dataset = fashion_mnist()
    batches = TrainingBatches(dataset.train, batch_size=BATCH_SIZE, num_classes=10, seed=0)

    class Unmeasured(GradientMonitor):
        def _measure(self, *_):
            pass

    def compiled(kind):
        keras.utils.set_random_seed(0)
        model = kind(getattr(models, network)(dataset.input_shape, dataset.num_classes), batches.steps_per_epoch)
        model.compile(
            keras.optimizers.SGD(0.05, momentum=0.9),
            SoftmaxCrossEntropy(),
            metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
            steps_per_execution=50,
            jit_compile=False,
        )
        return model

    def epoch_time(model, epoch, callbacks):
        start = time.perf_counter()
        model.fit(
            endless,
            shuffle=False,
            steps_per_epoch=batches.steps_per_epoch,
            initial_epoch=epoch,
            epochs=epoch + 1,
            callbacks=callbacks,
            verbose=0,
        )
        return time.perf_counter() - start

    def call_time(model, batches):
        start = time.perf_counter()
        model.train_function(batches)
        return time.perf_counter() - start

    def call_times(*models):
        iterators = [iter(endless) for _ in models]
        times, rng = np.empty((len(models), CALLS)), np.random.default_rng(0)
        for i in range(CALLS):
            for j in rng.permutation(len(models)):
                times[j, i] = call_time(models[j], iterators[j])
        return times

    class Timed(KeepJournal):
        seconds = 0.0

        def on_epoch_end(self, epoch, logs=None):
            start = time.perf_counter()
            super().on_epoch_end(epoch, logs)
            self.seconds = time.perf_counter() - start

    endless = batches.from_epoch(0)
    plain, monitored, kept = compiled(Unmeasured), compiled(GradientMonitor), compiled(GradientMonitor)
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder) / "run")
        with run.claimed():
            journal = run.journal()
            start = {"name": "benchmark", "columns": monitored.columns, "log_every_n_steps": 50, "tags": {}}
            tags = {"config_hash": "0", "code_digest": "0"}
            source = {"name": "fashion_mnist", "digest": "0", "source_type": "code", "source": "{}"}
            journal.append(Journal.record("start", **start | {"tags": tags, "params": {}, "dataset": source}))
            with Feed(run, f"sqlite:///{folder}/mlflow.db", "benchmark") as feed:
                feed.notify()  # opens the store
                for model in (plain, monitored, kept):
                    epoch_time(model, 0, [])  # traces
                calls = call_times(plain, monitored)
                keep = Timed(run, journal, after=feed.notify)
                (thread,) = (thread for thread in threading.enumerate() if thread.name == "mlflow-feed")
                clock = time.pthread_getcpuclockid(thread.ident)
                before = time.clock_gettime(clock)
                epochs = np.array(
                    [[epoch_time(monitored, i, []), epoch_time(kept, i, [keep]), keep.seconds] for i in range(ROUNDS)]
                )
                epochs[:, 2] += (time.clock_gettime(clock) - before) / ROUNDS
                return calls, epochs.T
