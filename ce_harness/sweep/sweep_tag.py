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


def tell_store(cells: Sequence[Cell], launched: Sequence[Cell], commands: Commands, console: Console) -> None:
    """Closes the runs of cells that died, and gives all runs the tag ``sweep`` and the commands that make them.

    With nothing launched and every run in some sweep there is nothing to do, and MLflow is not imported.
    A store that is away is only warned of: the same command does this later.
    """
    untagged = [cell for cell in cells if launched or "sweep" not in cell.run.sent()]
    if not untagged:
        return
    from ce_harness.tracking.resend import resend

    try:
        for cell in launched:
            if not cell.run.settled(*_store(cell)):
                resend(cell.run, *_store(cell))
        for store, here in groupby(sorted(untagged, key=_store), _store):
            _tag(*store, list(here), commands)
    except (TrackingError, DiskError) as error:
        console.print(Text(f"warning: {error}"), soft_wrap=True)


def _store(cell: Cell) -> tuple[str, str]:
    return cell.config["tracking_uri"], cell.config["mlflow_experiment"]


def _tag(tracking_uri: str, experiment: str, cells: Sequence[Cell], commands: Commands) -> None:
    from ce_harness.tracking.run_tags import DESCRIPTION, tag_runs

    digest = hashlib.sha256(" ".join(commands.overrides).encode()).hexdigest()
    sweep = f"{cells[0].config['study']}-{digest[:8]}"
    positions = [(cell, cell.run.position(tracking_uri, experiment)) for cell in cells]
    untagged = {p.run_id: (cell, p) for cell, p in positions if p.run_id and p.sweep != sweep}
    descriptions = {
        run_id: f"`{commands.cell(cell)}`\n\nPart of the sweep `{commands.sweep}`"
        for run_id, (cell, _) in untagged.items()
    }
    tag_runs(tracking_uri, {run_id: {"sweep": sweep, DESCRIPTION: text} for run_id, text in descriptions.items()})
    for _, position in untagged.values():
        position.sweep = sweep
        position.save()
