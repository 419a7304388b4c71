"""Trains under SIGKILL: run as a program, it kills one child at each named point of a run.

TensorFlow is imported once, then every child is a fork of that fresh process.
"""

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

# Losses, models and the database's code are imported late by a run: here once, for all children.
from ce_harness.rundir import artifacts, checkpoint, directory, files, journal, step_norms, upload_state
from ce_harness.tracking import background_uploader, database_code, uploader  # noqa: F401
from ce_harness.training import divergence, loop, saving, validation


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Point:
    """Where the process dies: at the n-th ``call`` of a function among those whose arguments ``counts`` accepts."""

    owner: Any
    function: str
    call: int = 1
    when: str = "before"  # before, after
    counts: Callable[..., bool] = lambda *_, **__: True


def half_a_file(path: Path, content: bytes, write: Callable = files.write) -> None:
    if path.name != "epoch-000002.ckpt":
        return write(path, content)
    path.with_name(path.name + ".partial").write_bytes(content[: len(content) // 2])
    die()


def half_a_line(journal_: journal.Journal, record: dict[str, Any], append: Callable = journal.Journal.append) -> None:
    if record.get("epoch") != 2:  # each save holds one, since there is no time between them here
        return append(journal_, record)
    with open(journal_.path, "ab") as file:
        file.write(json.dumps(record).encode()[:40])
    die()


POINTS: dict[str, Point | Callable[[], None]] = {
    "in the middle of epoch 2": Point(divergence.StopOnDivergence, "on_train_batch_end", 3),
    "before a checkpoint is written": Point(checkpoint, "save", 2),
    "while a checkpoint is written": lambda: setattr(files, "write", half_a_file),
    "between checkpoint and the next epoch": Point(checkpoint, "save", 2, "after"),
    "between norms and journal": Point(step_norms.StepNorms, "append", 2, "after"),
    "while the journal is written": lambda: setattr(journal.Journal, "append", half_a_line),
    "between journal and MLflow": Point(background_uploader.BackgroundUploader, "notify", 3),
    "when MLflow has made the run": Point(uploader.Uploader, "_create", 1, "after"),
    "between the MLflow run and its parameters": Point(uploader.Uploader, "_describe"),
    "when MLflow has an epoch": Point(upload_state.Position, "save", counts=lambda saved: saved.records > 1),
    "before the artifacts are written": Point(artifacts, "write_artifacts"),
    "before the outcome is written": Point(directory.RunDirectory, "end"),
    "before the checkpoints are removed": Point(directory.RunDirectory, "remove_leftovers"),
    "before MLflow hears the end": Point(uploader.Uploader, "close"),
    "when MLflow has heard the end": Point(upload_state.Position, "save", counts=lambda saved: saved.closed_as),
}


def kill(configs: Mapping[str, DictConfig]) -> None:
    """Trains each run, in a process of its own, until it dies at the point of that name.

    Raises:
        RuntimeError: one did not die there.
    """
    program = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps({point: OmegaConf.to_yaml(config) for point, config in configs.items()}),
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    ends = dict(json.loads(line) for line in program.stdout.splitlines() if line.startswith("["))
    if ends != dict.fromkeys(configs, True):
        raise RuntimeError(f"not all died where they should: {ends}; {program.stderr[-2000:]}")


def arm(point: Point) -> None:
    original, calls = getattr(point.owner, point.function), iter(range(1, 1000))

    def deadly(*args, **kwargs):
        last = point.counts(*args, **kwargs) and next(calls) == point.call
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
    background_uploader.SECONDS_BETWEEN_SENDS = 0  # so that MLflow hears of every epoch while the run goes on
    saving.SECONDS_BETWEEN_SAVES = 0  # and every epoch is saved
    validation.STEPS_PER_EXECUTION = 2  # so that an epoch of four steps has a middle
    gc.freeze()  # spares every child a walk through, and so a copy of, what was imported
    names: dict[int, str] = {}
    for name, yaml in configs.items():
        if len(names) == 2:
            report(names)
        child = os.fork()
        if child == 0:
            point = POINTS[name]
            arm(point) if isinstance(point, Point) else point()
            loop.train_and_evaluate(OmegaConf.create(yaml))
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
