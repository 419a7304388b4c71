"""A sweep from its overrides to its summary; `run_sweep`, read from top to bottom, is its life."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import count

from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig
from rich.console import Console

from ce_harness.errors import DivergedError
from ce_harness.sweep.commands import Commands
from ce_harness.sweep.gathering import gather
from ce_harness.sweep.plan import Cell, plan
from ce_harness.sweep.progress import Progress
from ce_harness.sweep.records import End, Records
from ce_harness.sweep.summary import Failure, conclude


def run_sweep(
    context: HydraContext,
    config: DictConfig,
    launcher: Launcher,
    combinations: Iterable[Sequence[str]],
    console: Console | None = None,
) -> None:
    """Runs every cell that is not complete.

    Args:
        context: Hydra's.
        config: Hydra's config of the sweep as a whole.
        launcher: runs jobs, on this machine or elsewhere.
        combinations: the overrides of each cell.
        console: where progress and summary go; stderr by default.

    Raises:
        ConfigError: the config of a cell is wrong; nothing was launched.
        SweepError: cells failed. Each of them is on the summary.
    """
    console = console or Console(stderr=True, highlight=False)
    commands = Commands.of(context, config)
    cells = plan(context.config_loader, config, combinations)
    to_run, failures = [], []
    for cell in cells:
        if not cell.run.finished:
            to_run.append(cell)
        elif cell.run.outcome["status"] == "diverged":
            failures.append(Failure(cell, End(DivergedError.exit_code, cell.run.outcome["message"]), log=None))
    skipped = len(cells) - len(to_run)
    plural = "s" if len(cells) > 1 else ""
    console.print(f"{len(cells)} cell{plural}: {skipped} ran before, {len(to_run)} to run")
    try:
        if to_run:
            records = Records(config.hydra.sweep.dir)
            with Progress(records, len(to_run), skipped, console) as progress:
                failures += launch(launcher, to_run, records, progress)
    finally:
        gather(cells, to_run, commands, console)
    conclude(len(cells), failures, commands, console)


def launch(launcher: Launcher, cells: Sequence[Cell], records: Records, progress: Progress) -> list[Failure]:
    """Has every cell run to an end, even if the launcher breaks (joblib's does, when one of its workers is killed).

    What was running then may have been the cause, or may have been beside it. So these cells run again one at a
    time: a cell that breaks the launcher when alone is the cause, and has failed. The others never know.
    """
    failures, numbers = [], count()
    batches = deque([list(cells)])
    while batches:
        batch = {next(numbers): cell for cell in batches.popleft()}
        progress.launched(batch)
        broken = _launch_batch(launcher, batch)
        left = [number for number in batch if records.ended(number) is None]
        if len(left) == len(batch) and not any(map(records.started, left)) and (len(batch) > 1 or 0 in batch):
            raise broken or RuntimeError("the launcher returned without running a cell")  # it would do so again
        if len(batch) == 1:
            for number in left:
                records.end(number, End(1, f"the launcher broke: {_first_sentence(broken)}"))
        else:
            waiting = [batch[number] for number in left if not records.started(number)]
            batches.extend([waiting] if waiting else [])
            batches.extend([batch[number]] for number in left if records.started(number))
        for number, cell in batch.items():
            end = records.ended(number)
            if end and end.exit_code:
                log = records.log(number)
                failures.append(Failure(cell, end, log if log.exists() else None))
    return failures


def _launch_batch(launcher: Launcher, batch: Mapping[int, Cell]) -> Exception | None:
    """Returns what broke the launcher, if anything did."""
    try:
        launcher.launch([list(cell.overrides) for cell in batch.values()], initial_job_idx=min(batch))
    except Exception as error:
        return error
    return None


def _first_sentence(error: Exception | None) -> str:
    return re.split(r"\.\s|\n", str(error).strip())[0] if error else "it returned without having run the cell"
