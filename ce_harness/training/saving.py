"""What a run makes durable while it trains, and when: by time, since a second of training is cheaper than a disk's."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ce_harness.rundir.journal import Journal
from ce_harness.rundir.step_norms import StepNorms, checksum
from ce_harness.training.state import TrainingState
from ce_harness.training.tracked_names import tracked_names
from ce_harness.training.validation import Validation

# At the end of an epoch, if so long ago. A restart computes again what came since: so much, and the epoch cut short.
SECONDS_BETWEEN_SAVES = 2.0


class SaveEpochs(keras.callbacks.Callback):
    """Saves what the epochs since the last save left: the steps' norms, records in the journal, a checkpoint.

    In this order. So whatever a crash leaves out, the checkpoint is not ahead of the others. If it is, after a loss on
    the disk, it is passed over. The others may be ahead of it. An epoch that is trained again keeps the record that it
    has, and its norms come out the same.

    Training that a callback before this one tells to stop ends after a whole epoch. The record says so, and a later
    start doesn't train on.

    Args:
        epochs_saved: how many have a record and their norms; the state may be of an earlier one.
        keep_in: where the state after the last epoch is kept for good; None keeps it nowhere.
        after: hears of each save, and of what was there before `fit` when the first steps are done. Until then
            TensorFlow traces them, in Python, and another thread would only hold it up.
    """

    def __init__(
        self,
        journal: Journal,
        norms: StepNorms,
        state: TrainingState,
        validation: Validation,
        epochs_saved: int,
        keep_in: Path | None,
        after: Callable[[], None],
    ):
        super().__init__()
        self._epochs_saved = epochs_saved
        self._journal = journal
        self._norms = norms
        self._state = state
        self._validation = validation
        self._keep_in = keep_in
        self._after = after
        self._records: list[dict[str, Any]] = []  # unsaved, and their rows
        self._rows: list[np.ndarray] = []
        self._saved_at = 0.0
        self._has_stepped = False
        self._stop = False  # whether a callback asked for it within this epoch

    def on_train_begin(self, logs: Any = None) -> None:
        self._state.restore_callbacks()
        self._saved_at = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._stop = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._stop = self._stop or self.model.stop_training
        self.model.stop_training = False
        if not self._has_stepped:
            self._has_stepped = True
            self._after()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        rows = self.model.read_rows()
        record = self._record(epoch, logs, rows)
        known = self._journal.of_kind("epoch")[epoch : epoch + 1]
        if known:
            record = known[0]
        if epoch >= self._epochs_saved:
            self._records.append(record)
            self._rows.append(rows)
        self.model.stop_training = record.get("stop", False)
        # Not after training, when Keras puts an optimizer's mean weights in the place of the last.
        if self._keep_in and (self.model.stop_training or epoch + 1 == self.params["epochs"]):
            self._state.save(epoch + 1, self._keep_in)
        if time.monotonic() - self._saved_at >= SECONDS_BETWEEN_SAVES:
            self.save_records()
            self._state.save(epoch + 1)
            self._saved_at = time.monotonic()

    def _record(self, epoch: int, logs: dict[str, float], rows: np.ndarray) -> dict[str, Any]:
        stops = self._stop or self.model.stop_training
        return self._journal.record(
            "epoch",
            epoch=epoch + 1,
            step=(epoch + 1) * len(rows),
            metrics=tracked_names(logs),
            evaluations=self._validation.evaluations,
            gradient_bins=self.model.read_bins().tolist(),
            steps_crc32=checksum(rows),
            **({"stop": True} if stops else {}),
        )

    def on_train_end(self, logs: Any = None) -> None:
        self.save_records()

    def save_records(self) -> None:
        """Makes durable what is not, but for the weights: training that ends here does not go on."""
        if self._records:
            rows = np.concatenate(self._rows)
            self._norms.append(self._records[-1]["step"] - len(rows) + 1, rows)
            self._journal.append(*self._records)
            self._records, self._rows = [], []
            self._after()
