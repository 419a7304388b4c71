"""Records as JSON that knows its own checksum, so that an altered byte is noticed when it is read."""

from __future__ import annotations

import json
import zlib
from typing import Any

from ce_harness.errors import DiskError
from ce_harness.rundir.files import RESTORE


def seal(record: dict[str, Any], indent: int | None = None) -> bytes:
    """The record as JSON whose last field is a checksum of the others."""
    return json.dumps({**record, "crc32": _crc32(record)}, indent=indent).encode()


def unseal(content: bytes, where: str) -> dict[str, Any]:
    """The record that was sealed.

    Args:
        where: the file, and the place in it, that the message is about.

    Raises:
        DiskError: not all bytes are those that were written.
    """
    try:
        record = json.loads(content)
        checksum = record.pop("crc32")
    except (ValueError, AttributeError, KeyError, TypeError):
        record, checksum = {}, None
    if checksum != _crc32(record):
        raise DiskError(f"{where}: is not what was written; {RESTORE}")
    return record


def _crc32(record: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(record).encode())
