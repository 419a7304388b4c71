"""A sweep from its overrides to its summary; `run_sweep`, read from top to bottom, is its life."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import count

import joblib
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig
from rich.console import Console

from ce_harness.config.error_messages import explain
from ce_harness.errors import ConfigError, DivergedError, HarnessError
from ce_harness.interrupts import held_off
from ce_harness.rundir.upload_state import stores_kept_open
from ce_harness.startup import keeping
from ce_harness.sweep import device_slots
from ce_harness.sweep.cell_files import CellFiles, End
from ce_harness.sweep.commands import Commands
from ce_harness.sweep.plan import Cell, plan
from ce_harness.sweep.progress import Progress
from ce_harness.sweep.summary import Failure, conclude
from ce_harness.sweep.sweep_tag import tell_store
from ce_harness.sweep.trained_elsewhere import left_to_train


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
        ConfigError: the config of a cell is wrong, or the launcher's; nothing was launched.
        DiskError: the folder of the sweep can't be made.
        TrackingError: the store can't be read, and ``skip_tracked=true`` relies on it.
        SweepError: cells failed. Each of them is on the summary.
    """
    console = console or Console(stderr=True, highlight=False)
    commands = Commands.of(context, config)
    with keeping():  # its configs stay, and to look through them for garbage would take a fifth of the time
        cells = plan(context.config_loader, config, combinations)
    to_run, finished, failures = _by_state(cells)
    files = CellFiles.of_a_new_call(config.hydra.sweep.dir) if to_run else None
    plural = "s" if len(cells) > 1 else ""
    console.print(f"{len(cells)} cell{plural}: {len(finished)} ran before, {len(to_run)} to run")
    to_run = left_to_train(to_run, console)
    if to_run:
        _share_machine(launcher, to_run)
    try:
        if files and to_run:
            with Progress(files, len(to_run), len(finished), console) as progress:
                failures += launch(launcher, to_run, files, progress)
    finally:
        with held_off():
            tell_store([*finished, *to_run], to_run, commands, console)
    conclude(len(cells), failures, commands, console)


def _by_state(cells: Iterable[Cell]) -> tuple[list[Cell], list[Cell], list[Failure]]:
    """Those to run, those that are finished, and what has failed already."""
    to_run, finished, failures = [], [], []
    with stores_kept_open():
        for cell in cells:
            try:
                cell.run.check()
                if not cell.run.finished(cell.config):
                    to_run.append(cell)
                    continue
            except HarnessError as error:
                failures.append(Failure(cell, End(error.exit_code, str(error)), log=None))
                continue
            finished.append(cell)
            outcome = cell.run.outcome or {}
            if outcome.get("status") == "diverged":
                failures.append(Failure(cell, End(DivergedError.exit_code, outcome["message"]), log=None))
    return to_run, finished, failures


def _share_machine(launcher: Launcher, cells: Sequence[Cell]) -> None:
    """On all of the machine, which is joblib's -1, run as many cells as have a core for each of their threads.

    Where they use GPUs, as many as have a place on one. Those that must wait for a place would only take memory.

    Raises:
        ConfigError: a GPU is asked for that isn't here.
    """
    # Not by its class: Hydra runs the module of a plugin anew when it looks for plugins, and has two classes of a name.
    options = getattr(launcher, "joblib", None)
    if options is None:
        return
    shared = getattr(launcher, "cells_per_device", 1)  # Hydra's own launcher has no such word
    places = [device_slots.places(device, shared) for device in {cell.config["device"] for cell in cells}]
    if options["n_jobs"] < 0:
        cores = joblib.effective_n_jobs(options["n_jobs"])
        at_a_time = max(1, cores // max(cell.config["threads"] for cell in cells))
        options["n_jobs"] = min(at_a_time, sum(places)) if all(places) else at_a_time


def launch(launcher: Launcher, cells: Sequence[Cell], files: CellFiles, progress: Progress) -> list[Failure]:
    """Has every cell run to an end, even if the launcher breaks (joblib's does, when one of its workers is killed).

    What was running then may have been the cause, or may have been beside it. So these cells run again one at a
    time: a cell that breaks the launcher when alone is the cause, and has failed. The others never know.
    """
    failures, numbers = [], count()
    batches = deque([list(cells)])
    while batches:
        batch = {next(numbers): cell for cell in batches.popleft()}
        progress.launched(batch)
        broken = _launch_batch(launcher, batch, files)
        left = [number for number in batch if files.ended(number) is None]
        if len(left) == len(batch) and not any(map(files.started, left)) and (len(batch) > 1 or 0 in batch):
            raise _refusal(broken)  # it would do so again
        if len(batch) == 1:
            for number in left:
                files.end(number, End(1, f"the launcher broke: {_first_sentence(broken)}"))
        else:
            waiting = [batch[number] for number in left if not files.started(number)]
            batches.extend([waiting] if waiting else [])
            batches.extend([batch[number]] for number in left if files.started(number))
        for number, cell in batch.items():
            end = files.ended(number)
            if end and end.exit_code:
                log = files.log(number)
                failures.append(Failure(cell, end, log if log.exists() else None))
    return failures


def _launch_batch(launcher: Launcher, batch: Mapping[int, Cell], files: CellFiles) -> Exception | None:
    """Returns what broke the launcher, if anything did."""
    for number, cell in batch.items():
        files.plan(number, cell.run.path.name)
    where = f"hydra.sweep.dir={QuotedString(str(files.folder), Quote.single).with_quotes()}"  # tells the cells
    try:
        launcher.launch([[*cell.overrides, where] for cell in batch.values()], initial_job_idx=min(batch))
    except Exception as error:
        return error
    return None


def _refusal(broken: Exception | None) -> Exception:
    if broken is None:
        return ConfigError("hydra/launcher: it returned without running a cell")
    if explain(broken):
        return broken
    return ConfigError(f"hydra/launcher: it runs no cell ({type(broken).__name__}: {' '.join(str(broken).split())})")


def _first_sentence(error: Exception | None) -> str:
    return re.split(r"\.\s|\n", str(error).strip())[0] if error else "it returned without having run the cell"
