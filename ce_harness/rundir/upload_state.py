"""How far an MLflow store has followed a run's journal: kept beside the journal, and read without MLflow."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from ce_harness.errors import DiskError
from ce_harness.passwords import without_user
from ce_harness.rundir.durable import seal, unseal, write_durably


class Position:
    """Saved after each call that the store has taken.

    What was saved for another store or experiment, or of a run that the store has lost, does not count: all of the run
    is to be sent. A run in the store's trash is not lost: somebody put it there. A SQLite file is asked whether it has
    the run, a server only when something is sent to it.

    Attributes:
        run_id: what the store calls the run.
        records: how many records it has.
        closed_as: the status it was last closed with; None while the run is open there.
    """

    def __init__(self, path: Path, tracking_uri: str, experiment: str):
        self._path = path
        self._place = {"store": store_name(tracking_uri, path.parent), "experiment": experiment}
        state = saved(path)
        if not self._counts(state, sqlite_path(tracking_uri)):
            state = {}
        self.run_id: str | None = state.get("run_id")
        self.records: int = state.get("records", 0)
        self.closed_as: str | None = state.get("closed_as")

    def _counts(self, state: dict[str, Any], database: Path | None) -> bool:
        here = state.items() >= self._place.items()
        if database is None or state.get("run_id") is None:
            return here
        earlier_version = "store" not in state  # which did not say
        return (here or earlier_version) and _has(database, state["run_id"], self._place["experiment"])

    def start_again(self) -> None:
        self.run_id, self.records, self.closed_as = None, 0, None

    def save(self) -> None:
        state = {"run_id": self.run_id, "records": self.records, "closed_as": self.closed_as}
        write_durably(self._path, seal({**self._place, **state}))


def sqlite_path(tracking_uri: str) -> Path | None:
    prefix = "sqlite:///"
    return Path(tracking_uri[len(prefix) :]).absolute() if tracking_uri.startswith(prefix) else None


def saved(path: Path) -> dict[str, Any]:
    """What was last saved in a position's file, for whichever store: ``experiment``, ``run_id`` ..., or nothing."""
    try:
        return unseal(path.read_bytes(), str(path)) if path.exists() else {}
    except DiskError:
        return {}  # sends everything again: a store keeps a point that it has once


def store_name(tracking_uri: str, folder: Path) -> str:
    """The URI without a user; that of a SQLite file is relative to the folder, so that both may move."""
    database = sqlite_path(tracking_uri)
    return f"sqlite:///{os.path.relpath(database, folder)}" if database else without_user(tracking_uri)


def _has(database: Path, run_id: str, experiment: str) -> bool:
    if not database.exists():
        return False
    query = "SELECT 1 FROM runs JOIN experiments USING (experiment_id) WHERE run_uuid = ? AND experiments.name = ?"
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(query, (run_id, experiment)).fetchone() is not None
    except sqlite3.Error:
        return True  # locked or damaged; that is found out, and said, by those who open the store
