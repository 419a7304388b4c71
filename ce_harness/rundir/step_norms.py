"""The rows that an epoch's steps leave, on disk: a zip's checksum tells when a byte of them was altered."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from ce_harness.errors import DiskError
from ce_harness.rundir.durable import RESTORE, write_durably

if TYPE_CHECKING:
    from ce_harness.rundir.directory import RunDirectory


def save(run: RunDirectory, epoch: int, rows: np.ndarray) -> None:
    """Keeps the rows of an epoch, (steps, columns)."""
    content = io.BytesIO()
    np.savez(content, rows=rows)
    write_durably(run.steps(epoch), content.getvalue())


def load(run: RunDirectory, epoch: int) -> np.ndarray:
    """The rows that were saved.

    Raises:
        DiskError: the file is missing, or not all bytes are those that were written.
    """
    path = run.steps(epoch)
    try:
        with np.load(path, allow_pickle=False) as file:
            return file["rows"]
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, AttributeError, zlib.error, BadZipFile) as error:
        raise DiskError(f"{path} is damaged ({error}); {RESTORE}") from error
