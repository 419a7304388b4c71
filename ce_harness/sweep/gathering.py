"""What the store hears when a sweep is over: how dead cells ended, and that these runs belong together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.text import Text

from ce_harness.errors import DiskError, TrackingError
from ce_harness.sweep.commands import Commands
from ce_harness.sweep.plan import Cell

MARK = "sweep"  # a file in a run's directory: what the store calls the run that has a sweep's tag


def gather(cells: Sequence[Cell], launched: Sequence[Cell], commands: Commands, console: Console) -> None:
    """Closes the runs of cells that died, and marks all runs as those of one sweep.

    With nothing launched and every run in some sweep there is nothing to do, and MLflow is not imported.
    A store that is away is only warned of: the same command does this later.
    """
    if not launched and all(map(_is_gathered, cells)):
        return
    from ce_harness.tracking.resend import send_rest

    try:
        for cell in launched:
            if not cell.run.settled(*_store(cell)):
                send_rest(cell.run, *_store(cell))
        for store, here in groupby(sorted(cells, key=_store), _store):
            _gather_in(*store, list(here), commands)
    except (TrackingError, DiskError) as error:
        console.print(Text(f"warning: {error}"), soft_wrap=True)


def _store(cell: Cell) -> tuple[str, str]:
    return cell.config.tracking_uri, cell.config.mlflow_experiment


def _is_gathered(cell: Cell) -> bool:
    mark = cell.run.path / MARK
    return mark.exists() and mark.read_text() == cell.run.sent().get("run_id")


def _gather_in(tracking_uri: str, experiment: str, cells: Sequence[Cell], commands: Commands) -> None:
    from ce_harness.tracking.sweeps import Sweep, group

    known = {cell.run.position(tracking_uri, experiment).run_id: cell for cell in cells}
    in_store = {run_id: cell for run_id, cell in known.items() if run_id}
    if not in_store:
        return
    study = cells[0].config.study
    varied = dict.fromkeys(word.partition("=")[0] for cell in cells for word in cell.varied)
    sweep = Sweep(
        key=f"{study}-{hashlib.sha256(' '.join(commands.overrides).encode()).hexdigest()[:8]}",
        name=f"{study}: {' x '.join(varied) or 'one run'}",
        study=study,
        command=commands.sweep,
        start_time=min(cell.run.journal().records[0]["time_ms"] for cell in in_store.values()),
    )
    complete = all(cell.run.outcome and cell.run.outcome["status"] == "complete" for cell in cells)
    group(tracking_uri, experiment, sweep, {i: commands.cell(cell) for i, cell in in_store.items()}, complete)
    for run_id, cell in in_store.items():
        (cell.run.path / MARK).write_text(run_id)
