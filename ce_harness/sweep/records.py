"""Small files by which the cells of a sweep tell the process that launched them how they fare, wherever they run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ce_harness.record.journal import write_durably


@dataclass(frozen=True)
class End:
    """How a cell ended.

    Attributes:
        exit_code: that of the same run on its own; 128 + n when signal n killed it.
        message: a line for the user.
    """

    exit_code: int
    message: str


class Records:
    """The files of a sweep's cells, by job number: ``cells/000007.started``, ``.ended.json`` and ``.log``."""

    def __init__(self, sweep_dir: str):
        self._folder = Path(sweep_dir).absolute() / "cells"

    def log(self, number: int) -> Path:
        """What the cell printed, its traceback included."""
        return self._file(number, "log")

    def start(self, number: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file(number, "started").touch()

    def started(self, number: int) -> bool:
        return self._file(number, "started").exists()

    def end(self, number: int, end: End) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        write_durably(self._file(number, "ended.json"), json.dumps(asdict(end)).encode())

    def ended(self, number: int) -> End | None:
        path = self._file(number, "ended.json")
        return End(**json.loads(path.read_text())) if path.exists() else None

    def _file(self, number: int, kind: str) -> Path:
        return self._folder / f"{number:06d}.{kind}"
