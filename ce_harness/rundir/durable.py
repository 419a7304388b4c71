"""Writing a file so that it is whole after a crash, and knowing whether what is read is what was written."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ce_harness.errors import DiskError

RESTORE = "restore the file, or delete its folder to train the run again"


def write_durably(path: Path, content: bytes) -> None:
    """Writes a file so that after a crash it is the old one or the new one, never half of either."""
    partial = path.with_name(path.name + ".partial")
    with disk_errors(path):
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns a full or read-only disk into one line."""
    try:
        yield
    except OSError as error:
        raise DiskError(
            f"{path}: can't be written ({error.strerror}); make room, or set runs_dir=FOLDER; "
            "the same command continues"
        ) from error


def seal(record: dict[str, Any], indent: int | None = None) -> bytes:
    """The record as JSON whose last field is a checksum of the others."""
    return json.dumps({**record, "crc32": _crc32(record)}, indent=indent).encode()


def unseal(content: bytes, where: str) -> dict[str, Any]:
    """The record that was sealed; one without a checksum, as earlier versions wrote it, is taken as it is.

    Args:
        where: the file, and the place in it, that the message is about.

    Raises:
        DiskError: not all bytes are those that were written.
    """
    try:
        record = json.loads(content)
        checksum = record.pop("crc32", None)
    except (ValueError, AttributeError):
        record, checksum = {}, "none can be read"
    if checksum not in (None, _crc32(record)):
        raise DiskError(f"{where}: is not what was written; {RESTORE}")
    return record


def _crc32(record: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(record).encode())
