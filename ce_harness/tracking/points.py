"""The points that an MLflow store gets of a run, made from the records of its journal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from mlflow.entities import Metric

from ce_harness.rundir.directory import RunDirectory
from ce_harness.rundir.step_norms import StepNorms
from ce_harness.tracking.names import storable

Record = dict[str, Any]


def points(run: RunDirectory, records: Sequence[Record], done: int) -> list[Metric]:
    """The points of all records after the first ``done``: at most one for a key and a step."""
    keys = storable(name for record in records for name in _names(record))
    norms = StepNorms(run, records[0]["columns"])
    return [
        Metric(keys[name], _storable(value), timestamp(record), step)
        for record in records[done:]
        for name, value, step in _values(norms, records[0], record)
    ]


def timestamp(record: Record) -> int:
    """When it was written, in milliseconds since 1970: MLflow takes no earlier time, which a wrong clock may tell."""
    return max(int(record["time_ms"]), 0)


def _names(record: Record) -> Iterator[str]:
    if record["kind"] == "start":
        yield from _step_names(record)
    yield from record.get("metrics", ())
    for evaluation in record.get("evaluations", ()):
        yield from (f"step/{name}" for name in evaluation)


def _step_names(start: Record) -> tuple[str, ...]:
    return ("step/loss", *start["columns"][1:])


def _values(norms: StepNorms, start: Record, record: Record) -> Iterator[tuple[str, float, int]]:
    """Name, value and step; an epoch brings every n-th of its steps, and the run's very first."""
    for name, value in record.get("metrics", {}).items():
        yield name, value, record["epoch"]
    if record["kind"] != "epoch":
        return
    evaluations = record.get("evaluations", ())
    for evaluation in evaluations if len(evaluations) > 1 else ():  # a single one is that of the epoch
        scores = {name: value for name, value in evaluation.items() if name != "step"}
        yield from ((f"step/{name}", value, evaluation["step"]) for name, value in scores.items())
    rows = norms.of(record)
    for step, row in enumerate(rows, record["step"] - len(rows) + 1):
        if step == 1 or step % start["log_every_n_steps"] == 0:
            yield from ((name, value, step) for name, value in zip(_step_names(start), row.tolist(), strict=True))


def _storable(value: float) -> float:
    """MLflow would keep an infinite value as 1.8e308, which looks like a number; NaN stays what it is."""
    return value if math.isfinite(value) else math.nan
