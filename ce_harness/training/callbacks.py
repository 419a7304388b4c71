"""Keras callbacks of a run: stop on divergence, keep the journal, show progress."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ce_harness.errors import DivergedError
from ce_harness.rundir import checkpoint, step_norms
from ce_harness.rundir.directory import RunDirectory
from ce_harness.rundir.journal import Journal
from ce_harness.training import best_epoch
from ce_harness.training.validation import Validation


class StopOnDivergence(keras.callbacks.Callback):
    """Ends training as soon as the loss, of a step or on the validation set, is not a finite number.

    The update of a step shows in the loss of the next; that of an epoch's last step in the validation loss.
    """

    def __init__(self, run: RunDirectory):
        super().__init__()
        self._run = run
        self._epoch = 0  # how many are done

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        # Keras's loss is the mean over the epoch so far: once NaN, it stays NaN.
        if math.isfinite(logs["loss"]):
            return
        rows = self.model.read_rows()[: batch + 1]
        # Where all losses are finite and their sum is not, the largest.
        bad = int(np.argmax(np.where(np.isfinite(rows).all(axis=1), rows[:, 0], np.inf)))
        message = f"step {self._epoch * self.params['steps'] + bad + 1}: {self._shown(rows[bad])}"
        if bad:
            message += f"; the step before: {self._shown(rows[bad - 1])}"
        elif self._epoch:
            message += f"; the step before: {self._shown(step_norms.load(self._run, self._epoch)[-1])}"
        raise DivergedError(f"{message}; try a smaller learning_rate")

    def on_epoch_end(self, epoch, logs=None):
        if math.isfinite(logs["val_loss"]):
            return
        rows = self.model.read_rows()
        raise DivergedError(
            f"epoch {epoch + 1}: validation loss {logs['val_loss']} after step {(epoch + 1) * len(rows)}: "
            f"{self._shown(rows[-1])}; try a smaller learning_rate"
        )

    def _shown(self, row: np.ndarray) -> str:
        return ", ".join(f"{name} {value:.4g}" for name, value in zip(self.model.columns[:3], row, strict=False))


class KeepJournal(keras.callbacks.Callback):
    """At the end of each epoch: the steps' norms, a checkpoint, a record in the journal; in this order.

    The checkpoint holds the record too. A crash between the two is mended by the next start, which appends the
    record from the checkpoint. So the journal never lacks an epoch that the weights have seen. It may be ahead of
    them, when the newest checkpoint was damaged: an epoch that is trained again keeps the record that it has.

    ``after`` hears of each record, and of those from before `fit` when the first steps are done: until then TensorFlow
    traces them, in Python, and another thread would only hold it up.

    Training that a callback before this one tells to stop ends after a whole epoch, and the record says so: a later
    start doesn't train on.
    """

    def __init__(self, run: RunDirectory, journal: Journal, validation: Validation, after: Callable[[], None]):
        super().__init__()
        self._run = run
        self._journal = journal
        self._validation = validation
        self._after = after
        self._started = False
        self._stop = False  # whether a callback asked for it within this epoch

    def on_epoch_begin(self, epoch, logs=None):
        self._stop = False

    def on_train_batch_end(self, batch, logs=None):
        self._stop = self._stop or self.model.stop_training
        self.model.stop_training = False
        if not self._started:
            self._started = True
            self._after()

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1
        rows = self.model.read_rows()
        step_norms.save(self._run, done, rows)
        record = self._journal.record(
            "epoch",
            epoch=done,
            step=done * len(rows),
            metrics=_contract_names(logs),
            evaluations=self._validation.evaluations,
            gradient_bins=self.model.read_bins().tolist(),
            **({"stop": True} if self._stop or self.model.stop_training else {}),
        )
        known = self._journal.of_kind("epoch")[epoch:]
        if known:
            record = known[0]
        checkpoint.save(self._run.checkpoints, done, self.model.network, self.model.optimizer, record)
        self._journal.append(record)
        self.model.stop_training = record.get("stop", False)
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

    def on_epoch_end(self, epoch, logs=None):
        if self._patience is None:
            return
        before = self._journal.of_kind("epoch")[:epoch]  # it may be ahead of the weights: see KeepJournal
        metrics = [*(record["metrics"] for record in before), _contract_names(logs)]
        if epoch - best_epoch.index(metrics, self._metric) >= self._patience:
            self.model.stop_training = True


@contextmanager
def progress(console: Console | None, epochs: int, steps_per_epoch: int) -> Iterator[list[keras.callbacks.Callback]]:
    """A live bar on a terminal, a line an epoch elsewhere, nothing without a console.

    A context manager: however training ends, the terminal gets its cursor back.
    """
    if console is None:
        yield []
    elif console.is_terminal:
        live = LiveBar(console, epochs, steps_per_epoch)
        try:
            yield [live]
        finally:
            live.bar.stop()
    else:
        yield [PrintEpochs(console, epochs)]


class PrintEpochs(keras.callbacks.Callback):
    """One line an epoch."""

    def __init__(self, console: Console, epochs: int):
        super().__init__()
        self._console = console
        self._epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        self._console.print(f"epoch {epoch + 1}/{self._epochs}  {_shown(logs)}", highlight=False, soft_wrap=True)


class LiveBar(keras.callbacks.Callback):
    """Steps done, steps per second, time left, and the latest loss, accuracy and global gradient norm."""

    def __init__(self, console: Console, epochs: int, steps_per_epoch: int):
        super().__init__()
        self._epochs = epochs
        self._steps_per_epoch = steps_per_epoch
        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("step {task.completed}/{task.total}  {task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[shown]}"),
            console=console,
        )
        self._task = self.bar.add_task("", total=epochs * steps_per_epoch, epoch="", rate="", shown="")

    def on_epoch_begin(self, epoch, logs=None):
        self.bar.start()
        first = epoch * self._steps_per_epoch
        self.bar.update(self._task, epoch=f"{epoch + 1}/{self._epochs}", completed=first)

    def on_train_batch_end(self, batch, logs=None):
        done = min(batch + 1, self._steps_per_epoch)  # Keras counts whole executions, past the end of the epoch
        task = self.bar.tasks[self._task]
        rate = f"{task.speed:.0f}/s" if task.speed else ""
        norm = self.model.read_rows()[done - 1, 1]
        self.bar.advance(self._task, done - task.completed % self._steps_per_epoch)
        shown = f"loss {logs['loss']:.4f}  accuracy {logs['accuracy']:.4f}  gradient {norm:.3g}"
        self.bar.update(self._task, rate=rate, shown=shown)

    def on_epoch_end(self, epoch, logs=None):
        self.bar.update(self._task, shown=_shown(logs))


def _shown(logs: dict[str, float]) -> str:
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    return "  ".join(f"{name} {logs[name]:.4f}" for name in names)
