"""All that runs have left, on disk and in a SQLite store, in a form in which two folders can be compared."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARY = {"mlflow.runName", "mlflow.note.content", "sweep", "git_dirty", "git_commit", "mlflow.user"}  # tags
OF_THE_PROCESS = {"lock", "owner.json", "mlflow.json", "sweep"}  # files
WITH_TIMES = {"journal.jsonl", "outcome.json"}  # compared without them
LEFTOVERS = (".partial", ".new", "-journal", "-wal")


@dataclass(frozen=True)
class Left:
    """What is there.

    Attributes:
        state: whatever must be equal after a fault.
        points: how often the store has each (run, metric, step, value).
    """

    state: dict[str, Any]
    points: Counter[tuple[Any, ...]]

    def lost(self, expected: Left) -> int:
        """Points that are missing."""
        return (expected.points - self.points).total()

    def doubled(self, expected: Left) -> int:
        """Points that are there and should not be."""
        return (self.points - expected.points).total()


def left_in(runs_dir: Path) -> Left:
    """What the runs of a folder have left."""
    state: dict[str, Any] = {"store": [], "leftovers": []}
    for journal in sorted(runs_dir.glob("*/journal.jsonl")):
        state[journal.parent.name] = _on_disk(journal.parent)
    state["leftovers"] = sorted(path.name for path in runs_dir.rglob("*") if path.name.endswith(LEFTOVERS))
    points: Counter[tuple[Any, ...]] = Counter()
    if (runs_dir / "mlflow.db").exists():
        with closing(sqlite3.connect(runs_dir / "mlflow.db")) as store:
            state["integrity"] = store.execute("pragma integrity_check").fetchone()[0]
            for run in store.execute("select run_uuid, status, lifecycle_stage, artifact_uri from runs").fetchall():
                kept, of_run = _in_store(store, *run)
                state["store"].append(kept)
                points += of_run
    state["store"].sort(key=repr)
    return Left(state, points)


def differences(one: Any, other: Any, at: str = "") -> list[str]:
    """Where two states differ, a line for each place."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(one.keys() | other.keys())
        return [line for key in keys for line in differences(one.get(key), other.get(key), f"{at}/{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [line for n, pair in enumerate(zip(one, other, strict=True)) for line in differences(*pair, f"{at}/{n}")]
    return [] if one == other else [f"{at}: {str(one)[:80]} != {str(other)[:80]}"]


def _on_disk(run: Path) -> dict[str, Any]:
    records = [json.loads(line) for line in (run / "journal.jsonl").read_bytes().splitlines()]
    for record in records:
        for key in ("crc32", "time_ms"):
            record.pop(key, None)
        for tag in VARY:
            record.get("tags", {}).pop(tag, None)
    files = {path.relative_to(run): path for path in run.rglob("*") if path.is_file() and path.name not in WITH_TIMES}
    outcome = json.loads((run / "outcome.json").read_bytes()) if (run / "outcome.json").exists() else {}
    if "journal" in outcome:
        outcome["journal"] = outcome["journal"] == hashlib.sha256((run / "journal.jsonl").read_bytes()).hexdigest()
        del outcome["crc32"]
    return {
        "journal": records,
        "outcome": outcome,
        "files": {str(name): _digest(path) for name, path in files.items() if name.parts[0] not in OF_THE_PROCESS},
        "folders": sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_dir()),
    }


def _in_store(store: sqlite3.Connection, run: str, status: str, stage: str, artifacts: str) -> tuple[dict, Counter]:
    def rows(what: str, table: str, key: str = "run_uuid") -> list[tuple]:
        return sorted(store.execute(f"select {what} from {table} where {key} = ?", (run,)).fetchall(), key=repr)

    tags = {key: value for key, value in rows("key, value", "tags") if key not in VARY}
    points = rows("key, step, value, is_nan", "metrics")
    folder = Path(artifacts)
    kept = {
        "tags": tags,
        "status": (status, stage),
        "params": dict(rows("key, value", "params")),
        "points": [list(point) for point in points],
        "latest": [list(point) for point in rows("key, step, value, is_nan", "latest_metrics")],
        "datasets": len(rows("1", "inputs", "destination_id")),
        "artifacts": {str(f.relative_to(folder)): _digest(f) for f in sorted(folder.rglob("*")) if f.is_file()},
    }
    return kept, Counter((tags.get("config_hash"), *point) for point in points)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
