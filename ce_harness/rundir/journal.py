"""A run's journal: append-only JSON lines, the source of truth of what happened in it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ce_harness.errors import DiskError
from ce_harness.rundir import files
from ce_harness.rundir.sealed import seal, unseal


class Journal:
    """The records of one run, each with its ``kind`` and the time at which it was first written.

    The time is part of the record. So whoever sends the journal on (to MLflow) sends the same points however often it
    has to start again.

    Raises:
        DiskError: a line is damaged, or epochs are missing.
    """

    def __init__(self, path: Path):
        self.path = path
        self.records: list[dict[str, Any]] = []
        # A line without its newline was torn by a crash and never counted.
        whole, newline, _ = (files.read(path) or b"").rpartition(b"\n")
        self._length = len(whole + newline)
        for number, line in enumerate(whole.splitlines(), 1):
            record = unseal(line, f"{path}: line {number}")
            self._refuse_a_gap(self.records, record)
            self.records.append(record)

    @staticmethod
    def record(kind: str, **fields: Any) -> dict[str, Any]:
        return {"kind": kind, "time_ms": int(time.time() * 1000), **fields}

    def append(self, *records: dict[str, Any]) -> None:
        """Adds records and waits until they are on the disk.

        There is one record of a kind and an epoch: the first. A run that continues after a crash may make a
        record again, with the same values but a later time; that one is passed over.
        """
        known = {_key(record) for record in self.records}
        new = [record for record in records if _key(record) not in known]
        for i, record in enumerate(new):
            self._refuse_a_gap([*self.records, *new[:i]], record)
        if new:
            lines = b"".join(seal(record) + b"\n" for record in new)
            files.write_from(self.path, self._length, lines)
            self._length += len(lines)
            self.records += new

    def _refuse_a_gap(self, before: list[dict[str, Any]], record: dict[str, Any]) -> None:
        if record["kind"] != "epoch":
            return
        expected = 1 + next((known["epoch"] for known in reversed(before) if known["kind"] == "epoch"), 0)
        if record["epoch"] != expected:
            raise DiskError(f"{self.path}: epoch {expected} is missing; {files.RESTORE}")

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["kind"] == kind]


def _key(record: dict[str, Any]) -> tuple[str, int | None]:
    return record["kind"], record.get("epoch")
