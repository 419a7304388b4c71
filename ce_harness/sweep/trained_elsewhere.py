"""Cells that somebody else has trained: complete in a store that several people use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console
from rich.text import Text

from ce_harness.errors import TrackingError
from ce_harness.passwords import without_user
from ce_harness.rundir.directory import RunDirectory
from ce_harness.rundir.upload_state import sqlite_path
from ce_harness.sweep.plan import Cell


def left_to_train(cells: Sequence[Cell], console: Console) -> list[Cell]:
    """The cells without those that are complete elsewhere, if they ask for that; says how many these are.

    Raises:
        TrackingError: the store can't be read, and a cell says ``skip_tracked=true``.
    """
    skipped = {cell.run.path for cell in cells if cell.config["skip_tracked"]}
    complete: dict[Path, str] = {}
    with nullcontext() if skipped else suppress(TrackingError):  # training does not wait for a store that is away
        complete = {
            cell.run.path: without_user(cell.config["tracking_uri"])
            for cell in cells
            if scores_elsewhere(cell.config, cell.run) is not None
        }
    if complete:
        remedy = "not trained again" if skipped else "skip_tracked=true does not train them again"
        stores = ", ".join(sorted(set(complete.values())))
        console.print(Text(f"{len(complete)} of these are complete in {stores}, trained elsewhere: {remedy}"))
    return [cell for cell in cells if cell.run.path not in skipped & complete.keys()]


def scores_elsewhere(config: Mapping[str, Any] | DictConfig, run: RunDirectory) -> dict[str, float] | None:
    """The metrics of a run that is complete in a store which is not that of its ``runs_dir`` alone; else None.

    A run that is asked for its network or its checkpoint is trained here: a store does not hand them out.

    Raises:
        TrackingError: the store can't be read.
    """
    database = sqlite_path(config["tracking_uri"])
    of_runs_dir_alone = database is not None and database.parent == run.path.parent
    if of_runs_dir_alone or config["save_model"] or config["keep_checkpoint"]:
        return None
    return _complete(config["tracking_uri"], config["study"]).get(run.path.name)


@cache
def _complete(tracking_uri: str, study: str) -> dict[str, dict[str, float]]:
    from ce_harness.tracking.reading import complete_runs

    return complete_runs(tracking_uri, study)
