"""The rows that a run's steps leave: in one file that grows while the run goes on, then in the artifact steps.npz."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from ce_harness.errors import DiskError
from ce_harness.rundir import files

if TYPE_CHECKING:
    from ce_harness.rundir.directory import RunDirectory


def checksum(rows: np.ndarray) -> int:
    """CRC-32 of an epoch's rows; the journal keeps it beside the epoch's other facts."""
    return zlib.crc32(np.ascontiguousarray(rows, np.float32).tobytes())


class StepNorms:
    """The rows of a run.

    Args:
        columns: names of the columns.
    """

    def __init__(self, run: RunDirectory, columns: Sequence[str]):
        self._run = run
        self._columns = list(columns)
        self._ended: np.ndarray | None = None

    def append(self, first_step: int, rows: np.ndarray) -> None:
        """Adds the rows (steps, columns) of the steps from ``first_step`` (1-based) on; none stay behind them."""
        start = (first_step - 1) * self._bytes_per_step
        files.write_from(self._run.steps, start, np.ascontiguousarray(rows, np.float32).tobytes())

    def of(self, epoch: dict[str, Any]) -> np.ndarray:
        """The rows (steps, columns) of an epoch.

        Args:
            epoch: its record in the journal.

        Raises:
            DiskError: they are missing, or not what was written.
        """
        count = epoch["step"] // epoch["epoch"]
        first = epoch["step"] - count
        if files.exists(self._run.steps):
            start, length = first * self._bytes_per_step, count * self._bytes_per_step
            content = files.read(self._run.steps, start, length) or b""
            whole = len(content) == length
            rows = np.frombuffer(content, np.float32).reshape(-1, len(self._columns)) if whole else np.empty(0)
            path = self._run.steps
        else:
            if self._ended is None:
                self._ended = self._packed()
            rows = self._ended[first : first + count]
            path = self._run.packed_steps
        if checksum(rows) != epoch["steps_crc32"]:
            raise DiskError(f"{path}: the steps of epoch {epoch['epoch']} are not what was written; {files.RESTORE}")
        return rows

    def whole_epochs(self, epochs: Sequence[dict[str, Any]]) -> int:
        """How many epochs, from the first on, have their rows."""
        for number, epoch in enumerate(epochs):
            try:
                self.of(epoch)
            except DiskError:
                return number
        return len(epochs)

    def pack(self, epochs: Sequence[dict[str, Any]]) -> None:
        """Writes all rows as ``steps.npz``: ``columns`` and ``values`` (steps, columns)."""
        values = [np.empty((0, len(self._columns)), np.float32), *map(self.of, epochs)]
        content = io.BytesIO()
        np.savez_compressed(content, columns=np.array(self._columns), values=np.concatenate(values))
        files.write(self._run.packed_steps, content.getvalue())

    @property
    def _bytes_per_step(self) -> int:
        return 4 * len(self._columns)

    def _packed(self) -> np.ndarray:
        path = self._run.packed_steps
        content = files.read(path)
        if content is None:
            raise DiskError(f"{path}: is gone; {files.RESTORE}")
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                return file["values"]
        except (ValueError, KeyError, EOFError, RuntimeError, AttributeError, zlib.error, BadZipFile) as error:
            raise DiskError(f"{path}: is damaged ({error}); {files.RESTORE}") from error
