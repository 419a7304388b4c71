"""A run's journal: append-only JSON lines, the source of truth of what happened in it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ce_harness.errors import DiskError


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


class Journal:
    """The records of one run, each with its ``kind`` and the time at which it was first written.

    The time is part of the record, so that whoever sends the journal on (to MLflow) sends the same points
    however often it has to start again.
    """

    def __init__(self, path: Path):
        self.path = path
        self.records: list[dict[str, Any]] = []
        if path.exists():
            # A line without its newline was torn by a crash and never counted.
            whole, _, _ = path.read_bytes().rpartition(b"\n")
            self.records = [json.loads(line) for line in whole.splitlines()]

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
        with _told(self.path), open(self.path, "ab") as file:
            file.truncate(self._whole_bytes())
            file.write(json.dumps(record).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.records.append(record)

    def _whole_bytes(self) -> int:
        return self.path.read_bytes().rfind(b"\n") + 1

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["kind"] == kind]


def _key(record: dict[str, Any]) -> tuple[str, int | None]:
    return record["kind"], record.get("epoch")


class Position:
    """How far a store has followed a journal; saved after each call that the store has taken.

    Attributes:
        run_id: what the store calls the run.
        records: how many records it has.
        closed_as: the status it was last closed with; None while the run is open there.
    """

    def __init__(self, path: Path):
        self._path = path
        state = json.loads(path.read_text()) if path.exists() else {}
        self.run_id: str | None = state.get("run_id")
        self.records: int = state.get("records", 0)
        self.closed_as: str | None = state.get("closed_as")

    def save(self) -> None:
        state = {"run_id": self.run_id, "records": self.records, "closed_as": self.closed_as}
        write_durably(self._path, json.dumps(state).encode())
