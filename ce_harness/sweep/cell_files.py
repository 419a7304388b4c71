"""Small files by which the cells of a sweep tell the process that launched them how they fare, wherever they run."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from ce_harness.errors import DiskError
from ce_harness.rundir import files

STARTED, ENDED = "started", "ended.json"


@dataclass(frozen=True)
class End:
    """How a cell ended.

    Attributes:
        exit_code: that of the same run on its own; 128 + n when signal n killed it.
        message: a line for the user.
    """

    exit_code: int
    message: str


class CellFiles:
    """The files of a sweep's cells, by job number: ``000007.planned``, ``.started``, ``.ended.json`` and ``.log``.

    Attributes:
        folder: where they are.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    @classmethod
    def of_a_new_call(cls, sweep_dir: str) -> CellFiles:
        """In a folder of its own, ``cells-N``: the ends of another call in the same ``sweep_dir`` are not this one's.

        Raises:
            DiskError: it can't be made.
        """
        parent = Path(sweep_dir).absolute()
        try:
            parent.mkdir(parents=True, exist_ok=True)
            numbered = (parent / f"cells-{number}" for number in count(1))
            folder = next(folder for folder in numbered if not folder.exists())
            folder.mkdir()
            return cls(folder)
        except OSError as error:
            raise DiskError(
                f"{parent}: can't be written ({error.strerror}); set runs_dir=FOLDER or hydra.sweep.dir=FOLDER"
            ) from error

    def log(self, number: int) -> Path:
        """What the cell printed, its traceback included."""
        return self._file(number, "log")

    def plan(self, number: int, run: str) -> None:
        """Says which run, by the name of its directory, the cell is to be."""
        self._file(number, "planned").write_text(run)

    def planned(self, number: int) -> str | None:
        path = self._file(number, "planned")
        return path.read_text() if path.exists() else None

    def start(self, number: int) -> None:
        self._file(number, STARTED).touch()

    def started(self, number: int) -> bool:
        return self._file(number, STARTED).exists()

    def end(self, number: int, end: End) -> None:
        files.write(self._file(number, ENDED), json.dumps(asdict(end)).encode())

    def ended(self, number: int) -> End | None:
        path = self._file(number, ENDED)
        return End(**json.loads(path.read_text())) if path.exists() else None

    def all_started_and_ended(self) -> tuple[set[int], set[int]]:
        """The numbers of the cells that have started, and of those that have ended, at one look at the folder.

        Both are empty while it can't be read, as a network's folder at times.
        """
        found: dict[str, set[int]] = {STARTED: set(), ENDED: set()}
        with suppress(OSError):
            for name in os.listdir(self.folder):
                number, _, kind = name.partition(".")
                if kind in found and number.isdigit():
                    found[kind].add(int(number))
        return found[STARTED], found[ENDED]

    def _file(self, number: int, kind: str) -> Path:
        return self.folder / f"{number:06d}.{kind}"
