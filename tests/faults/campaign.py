"""A campaign: one kind of trouble, tried at every place; its row of the published table."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.faults.children import End
from tests.faults.left_behind import Left, differences

FIRST_FAILURES = 5  # are told


@dataclass(frozen=True)
class Outcome:
    """Of one case.

    Attributes:
        case: what was done, and where.
        failures: what is not as it should be; empty if the case was survived.
    """

    case: str
    failures: tuple[str, ...] = ()
    points_lost: int = 0
    points_doubled: int = 0


@dataclass(frozen=True)
class Campaign:
    """One row of the table.

    Attributes:
        trouble: what is tried, for a reader.
        cases: every n-th place (n = 1: all) -> how each went.
        sample: the n of a quick look; None leaves the campaign out of it.
    """

    trouble: str
    cases: Callable[[int], Iterable[Outcome]]
    sample: int | None = None

    def row(self, every: int = 1, tell: Callable[[str], None] = print) -> dict[str, Any]:
        """Carries it out."""
        start, outcomes = time.monotonic(), []
        for outcome in self.cases(every):
            outcomes.append(outcome)
            if outcome.failures:
                tell(f"NOT SURVIVED {outcome.case}: {'; '.join(outcome.failures[:FIRST_FAILURES])[:600]}")
        return {
            "trouble": self.trouble,
            "one place in": every,
            "tried": len(outcomes),
            "survived": sum(not outcome.failures for outcome in outcomes),
            "points lost": sum(outcome.points_lost for outcome in outcomes),
            "points doubled": sum(outcome.points_doubled for outcome in outcomes),
            "minutes": round((time.monotonic() - start) / 60, 1),
        }


def after_one_more_call(case: str, again: End, left: Left, expected: Left, code: int = 0, *failures: str) -> Outcome:
    """Whether an undisturbed call has put everything right.

    Args:
        again: how that call ended.
        left: what is there now.
        expected: what an undisturbed run leaves.
        code: its exit code.
        failures: what is wrong besides.
    """
    wrong = list(failures)
    if again.code != code or "Traceback" in again.said:
        wrong.append(f"the next call ended with {again.code}: {again.said[-300:]}")
    wrong += differences(expected.state, left.state)
    return Outcome(case, tuple(wrong), left.lost(expected), left.doubled(expected))


@contextmanager
def folder_with_store(store: Path | None) -> Iterator[Path]:
    """A new folder for runs with a copy of a store in it, or without one; it is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        if store:
            shutil.copy(store, folder / "mlflow.db")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def new_store() -> Path:
    """A SQLite store with MLflow's tables and nothing in it, to be copied."""
    from ce_harness.tracking.store import open_store

    folder = tempfile.mkdtemp(prefix="faults-store-")
    atexit.register(shutil.rmtree, folder)
    open_store(f"sqlite:///{folder}/mlflow.db")
    return Path(folder) / "mlflow.db"


def counted(log: Path) -> Sequence[tuple[str, str]]:
    """The calls, (name, path), that a `shim.Fault` has logged."""
    lines = log.read_text(errors="replace").splitlines()
    return [(call, path) for _, call, path in (line.split("\t") for line in lines)]
