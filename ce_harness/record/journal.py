"""A run's journal: append-only JSON lines, the source of truth of what happened in it."""

from __future__ import annotations

import json
import os
import time
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
    with _told(path):
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)


@contextmanager
def _told(path: Path) -> Iterator[None]:
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


class Journal:
    """The records of one run, each with its ``kind`` and the time at which it was first written.

    The time is part of the record, so that whoever sends the journal on (to MLflow) sends the same points
    however often it has to start again.

    Raises:
        DiskError: a line is damaged, or epochs are missing.
    """

    def __init__(self, path: Path):
        self.path = path
        self.records: list[dict[str, Any]] = []
        if path.exists():
            # A line without its newline was torn by a crash and never counted.
            whole, _, _ = path.read_bytes().rpartition(b"\n")
            for number, line in enumerate(whole.splitlines(), 1):
                record = unseal(line, f"{path}: line {number}")
                self._refuse_a_gap_before(record)
                self.records.append(record)

    @staticmethod
    def record(kind: str, **fields: Any) -> dict[str, Any]:
        return {"kind": kind, "time_ms": int(time.time() * 1000), **fields}

    def append(self, record: dict[str, Any]) -> None:
        """Adds a record and waits until it is on the disk.

        There is one record of a kind and an epoch: the first. A run that continues after a crash may make a
        record again, with the same values but a later time; that one is passed over.
        """
        if any(_key(known) == _key(record) for known in self.records):
            return
        self._refuse_a_gap_before(record)
        with _told(self.path), open(self.path, "ab") as file:
            file.truncate(self._whole_bytes())
            file.write(seal(record) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.records.append(record)

    def _refuse_a_gap_before(self, record: dict[str, Any]) -> None:
        """A checkpoint may be ahead of a journal by one epoch; by more only if the journal has lost some."""
        if record["kind"] != "epoch":
            return
        expected = 1 + next((known["epoch"] for known in reversed(self.records) if known["kind"] == "epoch"), 0)
        if record["epoch"] != expected:
            raise DiskError(f"{self.path}: epoch {expected} is missing; {RESTORE}")

    def _whole_bytes(self) -> int:
        return self.path.read_bytes().rfind(b"\n") + 1

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["kind"] == kind]


def _key(record: dict[str, Any]) -> tuple[str, int | None]:
    return record["kind"], record.get("epoch")
