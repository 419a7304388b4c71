"""Trains under SIGKILL: run as a program by test_survival.py, it kills one child at each named point of a run.

TensorFlow is imported once, then every child is a fork of that fresh process. A point is a function of the harness
at whose n-th call the process dies, before, after or in the middle of it.
"""

import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from omegaconf import OmegaConf

from ce_harness import callbacks, losses, models  # noqa: F401  (imported late by a run: once here, for all children)
from ce_harness.record import checkpoint, journal, run_directory, series
from ce_harness.tracking import database_code, feed  # noqa: F401
from ce_harness.training import train_and_evaluate

feed.SECONDS_BETWEEN_SENDS = 0  # so that MLflow hears of every epoch while the run goes on


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Point:
    owner: Any
    function: str
    call: int
    when: str = "before"  # before, after


def half_a_file(path, content: bytes) -> None:
    path.with_name(path.name + ".partial").write_bytes(content[: len(content) // 2])
    die()


def half_a_line(journal_, record) -> None:
    with open(journal_.path, "ab") as file:
        file.write(json.dumps(record).encode()[:40])
    die()


POINTS: dict[str, Point | Callable[[], None]] = {
    "in the middle of epoch 2": Point(callbacks.StopOnDivergence, "on_train_batch_end", 3),
    "before a checkpoint is written": Point(checkpoint, "save", 2),
    "while a checkpoint is written": lambda: setattr(checkpoint, "write_durably", half_a_file),
    "between checkpoint and journal": Point(checkpoint, "save", 2, "after"),
    "while the journal is written": lambda: setattr(journal.Journal, "append", half_a_line),
    "between journal and MLflow": Point(feed.Feed, "notify", 3),
    "when MLflow has made the run": Point(feed._Sender, "_create", 1, "after"),
    "between the MLflow run and its parameters": Point(feed._Sender, "_describe", 1),
    "when MLflow has the points": Point(journal.Position, "save", 2),
    "before the artifacts are written": Point(series, "write_artifacts", 1),
    "before the outcome is written": Point(run_directory.RunDirectory, "end", 1),
    "before the checkpoints are removed": Point(run_directory.RunDirectory, "remove_checkpoints", 1),
    "before MLflow hears the end": Point(feed._Sender, "close", 1),
    "while MLflow hears the end": Point(journal.Position, "save", 3),
}


def arm(point: Point) -> None:
    original, calls = getattr(point.owner, point.function), iter(range(1, 1000))

    def deadly(*args, **kwargs):
        last = next(calls) == point.call
        if last and point.when == "before":
            die()
        result = original(*args, **kwargs)
        if last:
            die()
        return result

    setattr(point.owner, point.function, deadly)


def main(configs: dict[str, str]) -> None:
    """Prints, per point, whether the child died there; two children at a time."""
    gc.collect()
    gc.freeze()  # spares every child a walk through, and so a copy of, what was imported
    names: dict[int, str] = {}
    for name, yaml in configs.items():
        if len(names) == 2:
            report(names)
        child = os.fork()
        if child == 0:
            point = POINTS[name]
            arm(point) if isinstance(point, Point) else point()
            train_and_evaluate(OmegaConf.create(yaml))
            os._exit(0)
        names[child] = name
    while names:
        report(names)


def report(names: dict[int, str]) -> None:
    child, status = os.wait()
    print(
        json.dumps([names.pop(child), os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL]),
        flush=True,
    )


if __name__ == "__main__":
    main(json.load(sys.stdin))
