"""The cost of a run beside itself with less switched on: what gradient norms take, and what keeping records takes."""

from __future__ import annotations

import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from benchmarks.speed.aims import aim
from benchmarks.speed.loop import BATCH_SIZE
from benchmarks.speed.training import NETWORKS
from ce_harness.report.study import Table
from ce_harness.startup import import_tensorflow

# Within one process: calls into TensorFlow of up to 50 steps (some seven epochs in all), and whole epochs.
CALLS, ROUNDS = 63, 8
NORMS_AT_MOST, BOOKKEEPING_AT_MOST = 1.03, 1.02


def overheads() -> Table:
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


def _steps_per_epoch() -> int:
    from ce_harness.datasets import fashion_mnist

    return -(-len(fashion_mnist().train) // BATCH_SIZE)


def _times(network: str) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of training, in turn.

    Returns:
        Of calls, (2, CALLS): without norms, with them. Of epochs, (3, ROUNDS): with norms, with them and bookkeeping,
        and of that alone.
    """
    import_tensorflow()
    import keras

    from ce_harness import models
    from ce_harness.datasets import fashion_mnist
    from ce_harness.datasets.pipeline import TrainingBatches
    from ce_harness.losses import SoftmaxCrossEntropy
    from ce_harness.rundir.directory import RunDirectory
    from ce_harness.rundir.journal import Journal
    from ce_harness.rundir.step_norms import StepNorms
    from ce_harness.tracking.background_uploader import BackgroundUploader
    from ce_harness.training import process
    from ce_harness.training.early_stopping import StopEarly
    from ce_harness.training.gradient_monitor import GradientMonitor
    from ce_harness.training.saving import SaveEpochs
    from ce_harness.training.state import TrainingState
    from ce_harness.training.validation import Validation

    process.prepare(seed=0, threads=joblib.cpu_count(), precision="float32", device="cpu", deterministic=True)
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

    def call_times(*models):
        iterators = [iter(endless) for _ in models]
        times, rng = np.empty((len(models), CALLS)), np.random.default_rng(0)
        for i in range(CALLS):
            for j in rng.permutation(len(models)):
                start = time.perf_counter()
                models[j].train_function(iterators[j])
                times[j, i] = time.perf_counter() - start
        return times

    class Timed(SaveEpochs):
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
            with BackgroundUploader(run, f"sqlite:///{folder}/mlflow.db", "benchmark") as feed:
                feed.notify()  # opens the store
                for model in (plain, monitored, kept):
                    epoch_time(model, 0, [])  # traces
                calls = call_times(plain, monitored)
                stop_early = StopEarly("val/loss", None, keep_best=False)
                state = TrainingState(run.checkpoints, kept.network, kept.optimizer, stop_early, [])
                norms = StepNorms(run, kept.columns)
                keep = Timed(journal, norms, state, Validation(dict), epochs_saved=0, keep_in=None, after=feed.notify)
                (thread,) = (thread for thread in threading.enumerate() if thread.name == "mlflow-uploader")
                clock = time.pthread_getcpuclockid(thread.ident)
                before = time.clock_gettime(clock)
                epochs = np.array(
                    [[epoch_time(monitored, i, []), epoch_time(kept, i, [keep]), keep.seconds] for i in range(ROUNDS)]
                )
                epochs[:, 2] += (time.clock_gettime(clock) - before) / ROUNDS
                return calls, epochs.T
