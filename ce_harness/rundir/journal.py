"""A run's journal: append-only JSON lines, the source of truth of what happened in it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from ce_harness.errors import DiskError
from ce_harness.rundir.durable import RESTORE, disk_errors, seal, unseal


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
        with disk_errors(self.path), open(self.path, "ab") as file:
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
