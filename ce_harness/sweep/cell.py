"""A worker's side of a sweep: each cell runs in a process of its own, so that nothing it does touches another."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from omegaconf import DictConfig

from ce_harness import devices
from ce_harness.config.error_messages import explain
from ce_harness.errors import INTERRUPTED, ConfigError, HarnessError
from ce_harness.interrupts import heard_once, held_off, not_lost_in_destructors, unblock
from ce_harness.sweep import device_slots
from ce_harness.sweep.cell_files import CellFiles, End

SECONDS_BETWEEN_LOOKS = 0.5  # at whether the launching process still lives
SECONDS_TO_CLOSE = 20.0  # of an interrupted run, the store included; Slurm kills after 30 by default


def run_cell(
    hydra: DictConfig, device: str | int, load: Callable[[], None], name: Callable[[], str], job: Callable[[], str]
) -> None:
    """Runs a cell and records how it ended, whatever happens in it.

    The worker loads TensorFlow once and never uses it. A cell is a fork of that fresh process. It starts at once, in
    the same state as every other. It takes nobody along when it is killed, runs out of memory or calls ``exit``.

    A cluster's engine may take the worker away and run the cell again later, elsewhere. Then the cell has not ended.

    Args:
        hydra: Hydra's own config of the cell.
        device: as in the config of the run.
        load: imports all that a cell needs, once in a worker.
        name: the name of the run's directory, under the code that was imported.
        job: does the work; returns a line for the user.

    Raises:
        ConfigError: it is no cell of a sweep that `run_sweep` planned.
    """
    files, number = CellFiles(hydra.sweep.dir), hydra.job.num
    planned = files.planned(number)
    if planned is None:  # by another sweeper, which would not hear how it ends
        raise ConfigError("hydra/sweeper: allowed is resumable, which is the default; leave hydra/sweeper out")
    files.start(number)
    try:
        load()
        not_lost_in_destructors()
        unblock()  # a worker of joblib is started with Ctrl-C blocked
        _refuse_other_run(planned, name())
        place = _place(hydra.launcher, device, files)
    except Exception as error:
        files.end(number, _failure(error))
        return
    with place:
        if sys.platform == "linux":  # elsewhere the system's libraries do not outlive a fork
            _run_in_a_fork(files, number, job)
        else:
            files.end(number, _attempt(job))


def _place(launcher: DictConfig, device: str | int, files: CellFiles) -> AbstractContextManager[None]:
    """A place on a GPU of this machine; on a cluster the engine has told this process which one it has."""
    if "cells_per_device" in launcher:
        return device_slots.held(device, launcher.cells_per_device, files.folder)
    devices.choose(device)
    return nullcontext()


def _run_in_a_fork(files: CellFiles, number: int, job: Callable[[], str]) -> None:
    process = multiprocessing.get_context("fork").Process(target=_run_apart, args=(files, number, job))
    process.start()
    out_of_time = None
    try:
        _wait(process)
    except Exception as error:  # a signal's handler says that there is no more time
        _interrupt(process)
        out_of_time = End(INTERRUPTED, f"interrupted: {error}")
    except BaseException:  # or that the worker must leave, and the cell go on elsewhere
        _interrupt(process)
        raise
    if files.ended(number) is None:
        files.end(number, out_of_time or _without_a_word(process.exitcode))


def _refuse_other_run(planned: str, here: str) -> None:
    """A file that was edited while the sweep runs may make another run of the cell than the one that was planned."""
    if here != planned:
        what = "config or data" if here.rpartition("-")[2] == planned.rpartition("-")[2] else "code"
        raise ConfigError(f"the {what} changed while the sweep ran: {planned} is {here} now; give the command again")


def _wait(process: BaseProcess) -> None:
    launcher = multiprocessing.parent_process()  # None in the launching process itself, and in a job of a cluster
    while process.exitcode is None:
        process.join(SECONDS_BETWEEN_LOOKS)
        if launcher and os.getppid() != launcher.pid:  # the sweep was killed; its next call continues the run
            process.kill()
            os._exit(1)


def _interrupt(process: BaseProcess) -> None:
    with held_off():
        if process.is_alive():
            os.kill(process.pid or 0, signal.SIGINT)
        process.join(SECONDS_TO_CLOSE)
        process.kill()
        process.join()


def _run_apart(files: CellFiles, number: int, job: Callable[[], str]) -> None:
    threading.Thread(target=_die_with_the_worker, daemon=True).start()
    _leave_signals_to_the_worker()
    with open(files.log(number), "ab", buffering=0) as log:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(log.fileno(), stream.fileno())
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(line_buffering=True)  # what a cell said stands there even if it is killed
    end = _attempt(job)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if not files.log(number).stat().st_size:
        files.log(number).unlink()
    if end.exit_code == INTERRUPTED:  # whether that is the end, the worker knows
        sys.exit(INTERRUPTED)
    files.end(number, end)


def _leave_signals_to_the_worker() -> None:
    """Slurm signals every process of a job. The worker's handler knows what is to be done, and does it once."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCONT, signal.SIGUSR1, signal.SIGUSR2):
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_IGN)
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, heard_once)
    signal.signal(signal.SIGINT, heard_once)  # of one Ctrl-C both the terminal and the worker tell it


def _die_with_the_worker() -> None:
    if worker := multiprocessing.parent_process():
        wait([worker.sentinel])
    os._exit(1)


def _attempt(job: Callable[[], str]) -> End:
    try:
        return End(0, job())
    except KeyboardInterrupt:
        return End(INTERRUPTED, "interrupted")
    except BaseException as error:  # a user's model may even call sys.exit
        return _failure(error)


def _failure(error: BaseException) -> End:
    if not isinstance(error, HarnessError):
        traceback.print_exc()
    known = explain(error)
    return End(known.exit_code, str(known)) if known else End(1, f"{type(error).__name__}: {error}")


def _without_a_word(exit_code: int | None) -> End:
    if exit_code is None:
        return End(1, "the process could not be ended")
    if exit_code == INTERRUPTED:
        return End(INTERRUPTED, "interrupted")
    if exit_code >= 0:
        return End(exit_code or 1, f"the process left by itself with exit code {exit_code}")
    name = signal.Signals(-exit_code).name
    hint = "; was the memory full?" if name == "SIGKILL" else ""
    return End(128 - exit_code, f"killed by {name}{hint}")
