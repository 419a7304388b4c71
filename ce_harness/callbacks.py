"""Keras callbacks of a run: score the validation set, stop on divergence, keep the journal, show progress."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from rich.console import Console

from ce_harness import checkpoint
from ce_harness.errors import DivergedError
from ce_harness.journal import Journal, write_durably
from ce_harness.run_directory import RunDirectory


class Validation(keras.callbacks.Callback):
    """Scores the validation set at the end of each epoch and adds ``val_*`` to the logs that later callbacks get.

    Args:
        score: () -> metrics of the validation set, ``loss`` among them.
    """

    def __init__(self, score: Callable[[], dict[str, float]]):
        super().__init__()
        self._score = score

    def on_epoch_end(self, epoch, logs=None):
        logs.update({f"val_{name}": value for name, value in self._score().items()})


class StopOnDivergence(keras.callbacks.Callback):
    """Ends training as soon as the loss is not a finite number."""

    def __init__(self):
        super().__init__()
        self._first_step = 0  # of the epoch that runs

    def on_epoch_begin(self, epoch, logs=None):
        self._first_step = epoch * self.params["steps"]

    def on_train_batch_end(self, batch, logs=None):
        # Keras's loss is the mean over the epoch so far: once NaN, it stays NaN.
        if math.isfinite(logs["loss"]):
            return
        rows = self.model.read_rows()[: batch + 1]
        bad = int(np.argmin(np.isfinite(rows).all(axis=1)))
        before = rows[bad - 1] if bad else rows[bad]
        norms = ", ".join(f"{name} {value:.4g}" for name, value in zip(self.model.columns[:3], before, strict=False))
        raise DivergedError(
            f"step {self._first_step + bad + 1}: loss {rows[bad, 0]}; the step before: {norms}; "
            "try a smaller learning_rate"
        )


class KeepJournal(keras.callbacks.Callback):
    """At the end of each epoch: the steps' norms, a checkpoint, a record in the journal; in this order.

    The checkpoint holds the record too. A crash between the two is mended by the next start, which appends the
    record from the checkpoint. So the journal never lacks an epoch that the weights have seen.
    """

    def __init__(self, run: RunDirectory, journal: Journal, after: Callable[[], None]):
        super().__init__()
        self._run = run
        self._journal = journal
        self._after = after

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1
        rows = self.model.read_rows()
        content = io.BytesIO()
        np.save(content, rows)
        write_durably(self._run.steps(done), content.getvalue())
        record = self._journal.record(
            "epoch",
            epoch=done,
            step=done * len(rows),
            metrics=_contract_names(logs),
            gradient_bins=self.model.read_bins().tolist(),
        )
        checkpoint.save(self._run.checkpoints, done, self.model.network, self.model.optimizer, record)
        keep_record(self._journal, record)
        self._after()


def keep_record(journal: Journal, record: dict[str, Any]) -> None:
    """Appends an epoch's record, unless an earlier attempt already wrote that epoch down."""
    if all(known["epoch"] != record["epoch"] for known in journal.of_kind("epoch")):
        journal.append(record)


def _contract_names(logs: dict[str, float]) -> dict[str, float]:
    """Keras says ``loss`` and ``val_loss``; the tracked run says ``train/loss`` and ``val/loss``."""
    return {
        f"val/{name.removeprefix('val_')}" if name.startswith("val_") else f"train/{name}": float(value)
        for name, value in logs.items()
    }


class PrintEpochs(keras.callbacks.Callback):
    """One line an epoch."""

    def __init__(self, console: Console, epochs: int):
        super().__init__()
        self._console = console
        self._epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        self._console.print(
            f"epoch {epoch + 1}/{self._epochs}  loss {logs['loss']:.4f}  accuracy {logs['accuracy']:.4f}  "
            f"val_loss {logs['val_loss']:.4f}  val_accuracy {logs['val_accuracy']:.4f}",
            highlight=False,
        )
