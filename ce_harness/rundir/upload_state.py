"""How far an MLflow store has followed a run's journal: kept beside the journal, and read without MLflow."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ce_harness.errors import DiskError
from ce_harness.passwords import without_user
from ce_harness.rundir import files
from ce_harness.rundir.sealed import seal, unseal

# What MLflow calls the ways in which a run may end.
MLFLOW_STATUS = {"complete": "FINISHED", "diverged": "FAILED", "failed": "FAILED", "interrupted": "KILLED"}


class Position:
    """Saved after each call that the store has taken.

    What was saved for another store or experiment does not count, nor that of a run which the store has lost. All of
    the run is to be sent. A run in the store's trash is not lost: somebody put it there. A SQLite file is asked what it
    has of the run, for it may have been put back from a backup. A server is asked only when something is sent to it.

    Attributes:
        run_id: what the store calls the run.
        records: how many records it has.
        points: how many points of metrics it has.
        closed_as: the status it was last closed with; None while the run is open there.
        sweep: the value of its tag ``sweep``.
    """

    def __init__(self, path: Path, tracking_uri: str, experiment: str):
        self._path = path
        self._place = {"store": store_name(tracking_uri, path.parent), "experiment": experiment}
        state = self._still_true(saved(path), sqlite_path(tracking_uri))
        self.run_id: str | None = state.get("run_id")
        self.records: int = state.get("records", 0)
        self.points: int = state.get("points", 0)
        self.closed_as: str | None = state.get("closed_as")
        self.sweep: str | None = state.get("sweep")

    def _still_true(self, state: dict[str, Any], database: Path | None) -> dict[str, Any]:
        here = state.items() >= self._place.items()
        if database is None or state.get("run_id") is None:
            return state if here else {}
        earlier_version = "store" not in state  # which did not say
        if not (here or earlier_version):
            return {}
        try:
            kept = _kept(database, state["run_id"], self._place["experiment"])
        except sqlite3.Error:
            return state  # locked or damaged; that is found out, and said, by those who open the store
        if kept is None:
            return {}
        if kept.points < state.get("points", 0):
            return {"run_id": state["run_id"]}  # a point that is sent twice is one point
        closed_as = state.get("closed_as")
        if closed_as and kept.status != MLFLOW_STATUS[closed_as]:
            state["closed_as"] = None
        return state

    def start_again(self) -> None:
        self.run_id, self.closed_as, self.sweep = None, None, None
        self.records, self.points = 0, 0

    def save(self) -> None:
        names = ("run_id", "records", "points", "closed_as", "sweep")
        files.write(self._path, seal({**self._place, **{name: getattr(self, name) for name in names}}))


def sqlite_path(tracking_uri: str) -> Path | None:
    prefix = "sqlite:///"
    return Path(tracking_uri[len(prefix) :]).absolute() if tracking_uri.startswith(prefix) else None


def saved(path: Path) -> dict[str, Any]:
    """What was last saved in a position's file, for whichever store: ``experiment``, ``run_id`` ..., or nothing."""
    content = files.read(path)
    if content is None:
        return {}
    try:
        return unseal(content, str(path))
    except DiskError:
        return {}  # sends everything again: a store keeps a point that it has once


def store_name(tracking_uri: str, folder: Path) -> str:
    """The URI without a user; that of a SQLite file is relative to the folder, so that both may move."""
    database = sqlite_path(tracking_uri)
    return f"sqlite:///{os.path.relpath(database, folder)}" if database else without_user(tracking_uri)


class _Kept(NamedTuple):
    status: str
    points: int


def _kept(database: Path, run_id: str, experiment: str) -> _Kept | None:
    """What a SQLite store has of a run; None if it does not have the run."""
    if not database.exists():
        return None
    query = (
        "SELECT status, (SELECT COUNT(*) FROM metrics WHERE run_uuid = runs.run_uuid) "
        "FROM runs JOIN experiments USING (experiment_id) WHERE run_uuid = ? AND experiments.name = ?"
    )
    with _connected(database) as connection:
        row = connection.execute(query, (run_id, experiment)).fetchone()
    return row and _Kept(*row)


# The connections of `stores_kept_open`, by file; None outside of it.
_kept_open: dict[Path, sqlite3.Connection] | None = None


@contextmanager
def stores_kept_open() -> Iterator[None]:
    """Within it, looks at a SQLite store share a connection: to open one takes longer than to look."""
    global _kept_open
    _kept_open = {}
    try:
        yield
    finally:
        for connection in _kept_open.values():
            connection.close()
        _kept_open = None


@contextmanager
def _connected(database: Path) -> Iterator[sqlite3.Connection]:
    if _kept_open is None:
        with closing(_connect(database)) as connection:
            yield connection
        return
    if database not in _kept_open:
        _kept_open[database] = _connect(database)
    yield _kept_open[database]


def _connect(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
