"""Ends training as soon as its numbers are no longer finite, and says where that began."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from ce_harness.errors import DivergedError


class StopOnDivergence(keras.callbacks.Callback):
    """Ends training as soon as the loss, of a step or on the validation set, is not a finite number.

    The update of a step shows in the loss of the next; that of an epoch's last step in the validation loss.

    Args:
        row_before: that of the last step before training begins or goes on; None if there was none.
    """

    def __init__(self, row_before: np.ndarray | None = None):
        super().__init__()
        self._row_before = row_before
        self._steps_before = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._steps_before = epoch * self.params["steps"]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        # Keras's loss is the mean over the epoch so far: once NaN, it stays NaN.
        if math.isfinite(logs["loss"]):
            return
        rows = self.model.read_rows()[: batch + 1]
        # Where all losses are finite and their sum is not, the largest.
        bad = int(np.argmax(np.where(np.isfinite(rows).all(axis=1), rows[:, 0], np.inf)))
        before = rows[bad - 1] if bad else self._row_before
        message = f"step {self._steps_before + bad + 1}: {self._shown(rows[bad])}"
        if before is not None:
            message += f"; the step before: {self._shown(before)}"
        raise DivergedError(f"{message}; try a smaller learning_rate")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._row_before = self.model.read_rows()[-1]
        if not math.isfinite(logs["val_loss"]):
            step = (epoch + 1) * self.params["steps"]
            raise DivergedError(
                f"epoch {epoch + 1}: validation loss {logs['val_loss']} after step {step}: "
                f"{self._shown(self._row_before)}; try a smaller learning_rate"
            )

    def _shown(self, row: np.ndarray) -> str:
        return ", ".join(f"{name} {value:.4g}" for name, value in zip(self.model.columns[:3], row, strict=False))
