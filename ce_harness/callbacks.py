"""Keras callbacks of a run: score the validation set, stop on divergence, keep the journal, show progress."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ce_harness.errors import DivergedError
from ce_harness.record import best_epoch, checkpoint, step_rows
from ce_harness.record.journal import Journal
from ce_harness.record.run_directory import RunDirectory


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
        step_rows.save(self._run, done, rows)
        record = self._journal.record(
            "epoch",
            epoch=done,
            step=done * len(rows),
            metrics=_contract_names(logs),
            gradient_bins=self.model.read_bins().tolist(),
        )
        checkpoint.save(self._run.checkpoints, done, self.model.network, self.model.optimizer, record)
        self._journal.append(record)
        self._after()


def _contract_names(logs: dict[str, float]) -> dict[str, float]:
    """Keras says ``loss`` and ``val_loss``; the tracked run says ``train/loss`` and ``val/loss``."""
    return {
        f"val/{name.removeprefix('val_')}" if name.startswith("val_") else f"train/{name}": float(value)
        for name, value in logs.items()
    }


class StopEarly(keras.callbacks.Callback):
    """Ends training when a validation metric has not improved for ``patience`` epochs.

    Args:
        metric: ``val/loss``, ``val/accuracy``, ``val/nll`` or ``val/brier``.
        patience: epochs; None never stops.
    """

    def __init__(self, journal: Journal, metric: str, patience: int | None):
        super().__init__()
        self._journal = journal
        self._metric = metric
        self._patience = patience

    def is_time(self) -> bool:
        epochs = len(self._journal.of_kind("epoch"))
        if not epochs or self._patience is None:
            return False
        return epochs - 1 - best_epoch.index(self._journal, self._metric) >= self._patience

    def on_epoch_end(self, epoch, logs=None):
        if self.is_time():
            self.model.stop_training = True


def progress(console: Console | None, epochs: int, steps_per_epoch: int) -> list[keras.callbacks.Callback]:
    """A live bar on a terminal, a line an epoch elsewhere, nothing without a console."""
    if console is None:
        return []
    return [LiveBar(console, epochs, steps_per_epoch) if console.is_terminal else PrintEpochs(console, epochs)]


class PrintEpochs(keras.callbacks.Callback):
    """One line an epoch."""

    def __init__(self, console: Console, epochs: int):
        super().__init__()
        self._console = console
        self._epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        self._console.print(f"epoch {epoch + 1}/{self._epochs}  {_shown(logs)}", highlight=False)


class LiveBar(keras.callbacks.Callback):
    """Steps done, steps per second, time left, and the latest loss, accuracy and global gradient norm."""

    def __init__(self, console: Console, epochs: int, steps_per_epoch: int):
        super().__init__()
        self._epochs = epochs
        self._steps_per_epoch = steps_per_epoch
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("step {task.completed}/{task.total}  {task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[shown]}"),
            console=console,
        )
        self._task = self._bar.add_task("", total=epochs * steps_per_epoch, epoch="", rate="", shown="")

    def on_epoch_begin(self, epoch, logs=None):
        self._bar.start()
        first = epoch * self._steps_per_epoch
        self._bar.update(self._task, epoch=f"{epoch + 1}/{self._epochs}", completed=first)

    def on_train_batch_end(self, batch, logs=None):
        done = min(batch + 1, self._steps_per_epoch)  # Keras counts whole executions, past the end of the epoch
        bar = self._bar.tasks[self._task]
        rate = f"{bar.speed:.0f}/s" if bar.speed else ""
        norm = self.model.read_rows()[done - 1, 1]
        self._bar.advance(self._task, done - bar.completed % self._steps_per_epoch)
        shown = f"loss {logs['loss']:.4f}  accuracy {logs['accuracy']:.4f}  gradient {norm:.3g}"
        self._bar.update(self._task, rate=rate, shown=shown)

    def on_epoch_end(self, epoch, logs=None):
        self._bar.update(self._task, shown=_shown(logs))
        if epoch + 1 == self._epochs or self.model.stop_training:
            self._bar.stop()


def _shown(logs: dict[str, float]) -> str:
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    return "  ".join(f"{name} {logs[name]:.4f}" for name in names)
