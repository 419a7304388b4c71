"""How a run shows on the screen that it goes on: a live bar on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


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

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
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

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.bar.start()
        first = epoch * self._steps_per_epoch
        self.bar.update(self._task, epoch=f"{epoch + 1}/{self._epochs}", completed=first)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        done = min(batch + 1, self._steps_per_epoch)  # Keras counts whole executions, past the end of the epoch
        task = self.bar.tasks[self._task]
        rate = f"{task.speed:.0f}/s" if task.speed else ""
        norm = self.model.read_rows()[done - 1, 1]
        self.bar.advance(self._task, done - task.completed % self._steps_per_epoch)
        shown = f"loss {logs['loss']:.4f}  accuracy {logs['accuracy']:.4f}  gradient {norm:.3g}"
        self.bar.update(self._task, rate=rate, shown=shown)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.bar.update(self._task, shown=_shown(logs))


def _shown(logs: dict[str, float]) -> str:
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    return "  ".join(f"{name} {logs[name]:.4f}" for name in names)
