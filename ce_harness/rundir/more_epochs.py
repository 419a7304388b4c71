"""More epochs of a run that has ended: a run of 60 begins where that of 30, but for ``epochs`` the same, has ended."""

from __future__ import annotations

from typing import Any

from ce_harness.errors import HarnessError
from ce_harness.rundir import files
from ce_harness.rundir.directory import RunDirectory
from ce_harness.rundir.step_norms import StepNorms


def begin_with_fewer_epochs(run: RunDirectory, start: dict[str, Any], schedule: str) -> str:
    """Gives a run that has not begun the epochs of another that kept its checkpoint, as if it had been interrupted.

    Args:
        run: claimed by this process.
        start: the record that will open its journal; its tag ``continued_from`` is set.
        schedule: of the learning rate.

    Returns:
        What to tell the user; "" if there is no such run.
    """
    epochs = int(start["params"]["epochs"])
    others = [other for other in _same_but_for_epochs(run, start) if 0 < _epochs(other) < epochs]
    if not others:
        return ""
    other = max(others, key=_epochs)
    done = _epochs(other)
    theirs = other.journal()
    if schedule != "constant":
        return (
            f"epochs={epochs}: begins anew, not after the {done} epochs of {other.path.name}: the rate of every step "
            f"of learning_rate_schedule={schedule} depends on epochs"
        )
    then, now = theirs.records[0]["tags"]["fingerprint"], start["tags"]["fingerprint"]
    if then != now:
        return f"epochs={epochs}: begins anew, not after the {done} epochs of {other.path.name}: it ran under {then}"
    start["tags"]["continued_from"] = f"{other.path.name} epoch {done}"
    records = theirs.of_kind("epoch")
    ours, norms = StepNorms(run, start["columns"]), StepNorms(other, start["columns"])
    for record in records:
        rows = norms.of(record)
        ours.append(record["step"] - len(rows) + 1, rows)
    files.make_folder(run.checkpoints)
    for file in files.files_below(other.kept):
        files.write(run.checkpoints / file.name, files.read(file) or b"")
    run.journal().append(start, *records)
    return f"epochs={epochs}: continues after the {done} epochs of {other.path.name}"


def _same_but_for_epochs(run: RunDirectory, start: dict[str, Any]) -> list[RunDirectory]:
    same = []
    for folder in run.path.parent.glob(f"*-{start['tags']['code_digest']}/{run.kept.name}"):
        other = RunDirectory(folder.parent)
        try:
            (theirs,) = other.journal().of_kind("start")
        except (HarnessError, ValueError):  # damaged, or never begun
            continue
        if _essence(theirs) == _essence(start):
            same.append(other)
    return same


def _essence(start: dict[str, Any]) -> tuple[Any, ...]:
    params = {key: value for key, value in start["params"].items() if key not in ("epochs", "dataset.path")}
    tags = {key: value for key, value in start["tags"].items() if key.endswith(("_code", "_digest"))}
    return params, tags, start["columns"]


def _epochs(run: RunDirectory) -> int:
    """How many epochs it has done, if its checkpoint is of the last."""
    done = len(run.journal().of_kind("epoch"))
    return done if any(file.stem == f"epoch-{done:06d}" for file in files.files_below(run.kept)) else 0
