"""A folder of runs that was moved or copied: MLflow keeps absolute paths of artifacts, which lie beside the store."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import unquote, urlsplit


def artifacts_of(database: Path, experiment: str) -> str:
    """Where the artifacts of an experiment lie, as a URI: beside the SQLite file, wherever that is."""
    return (database.parent / "artifacts" / experiment).as_uri()


def relocate(database: Path, connection: sqlite3.Connection) -> None:
    """Has the store look for artifacts beside itself.

    Left as they are: locations that somebody else chose, and artifacts that stayed behind when the file alone moved.
    """
    known = connection.execute("SELECT experiment_id, name, artifact_location FROM experiments").fetchall()
    for number, name, location in known:
        here, old = artifacts_of(database, name), location.rstrip("/")
        tail = ("artifacts", *Path(name).parts)
        was_ours = old.startswith("file:") and _path(old).parts[-len(tail) :] == tail
        if not was_ours or old == here or (_path(old).exists() and not _path(here).exists()):
            continue
        with connection:  # both or neither
            connection.execute("UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (here, number))
            connection.execute(
                "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?) "
                "WHERE experiment_id = ? AND substr(artifact_uri, 1, ?) = ?",
                (here, len(old) + 1, number, len(old), old),
            )


def _path(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path))
