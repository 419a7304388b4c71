"""Checkpoints from which training continues bit for bit, each in a file that knows its own SHA-256."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ce_harness.rundir import files

KEPT = 2  # the newest and, in case that one is torn, the one before


def save(folder: Path, epoch: int, arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> None:
    """Writes the state after ``epoch`` (1-based).

    Args:
        numbers: what is no array, as JSON takes it.
    """
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, numbers=np.frombuffer(json.dumps(numbers).encode(), np.uint8), **arrays)
    payload = content.getvalue()
    files.make_folder(folder)
    files.write(folder / f"epoch-{epoch:06d}.ckpt", hashlib.sha256(payload).digest() + payload)
    for old in _newest_first(folder)[KEPT:]:
        files.remove(old)


def load(folder: Path, most_epochs: int) -> tuple[int, dict[str, np.ndarray], dict[str, Any]]:
    """The newest whole checkpoint; a torn or altered one is passed over.

    Args:
        most_epochs: one of a later epoch is passed over, too: what else is known of the run lags behind it.

    Returns:
        The epochs done, and ``arrays`` and ``numbers`` as they were saved; (0, {}, {}) to begin from the start.
    """
    for path in _newest_first(folder):
        epoch = int(path.stem.removeprefix("epoch-"))
        content = files.read(path) or b""
        digest, payload = content[:32], content[32:]
        if epoch > most_epochs or hashlib.sha256(payload).digest() != digest:
            continue
        with np.load(io.BytesIO(payload), allow_pickle=False) as file:
            arrays = dict(file)
        return epoch, arrays, json.loads(arrays.pop("numbers").tobytes())
    return 0, {}, {}


def _newest_first(folder: Path) -> list[Path]:
    return [path for path in reversed(files.files_below(folder)) if path.suffix == ".ckpt"]
