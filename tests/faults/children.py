"""Runs the project's commands in forks of one process that has imported TensorFlow and MLflow once."""

from __future__ import annotations

import gc
import multiprocessing
import os
import runpy
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import hydra
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from tests.config.composing import whole_config
from tests.conftest import ROOT, TINY
from tests.faults.shim import Fault, disarm

T = TypeVar("T")

AT_A_TIME = 2
SECONDS_AT_MOST = 600.0  # then a command hangs, even on a machine that does much else
RUN = (*TINY, "log_every_n_steps=2")
OF_RUNS = ("cli.run", "losses", "models", "training", "tracking.database_code", "tracking.uploader", "tracking.resend")
OF_REPORTS = (
    "cli.report",
    "cli.composing",
    "cli.training_commands",
    "report.build",
    "report.output.terminal",
    "tracking.reading",
)


@dataclass(frozen=True)
class End:
    """How a command ended: its exit code, minus the signal that killed it, or None if it hung."""

    code: int | None
    said: str

    @property
    def is_clear(self) -> bool:
        """Done, or one line that says why not; no traceback either way."""
        errors = [line for line in self.said.splitlines() if line.startswith("error: ")]
        told = (self.code in (5, 7) and len(errors) == 1) or self.code == 0
        return told and "Traceback" not in self.said and "Exception ignored" not in self.said


def warm_up() -> None:
    """Imports and works out what every command needs, so that no child has to."""
    from ce_harness.startup import import_tensorflow

    import_tensorflow()
    for module in (*OF_RUNS, *OF_REPORTS):
        import_module(f"ce_harness.{module}")
    from ce_harness.config import checked, code_digest

    code_digest(checked(OmegaConf.create(whole_config())))
    from ce_harness.tracking import background_uploader
    from ce_harness.training import saving

    background_uploader.SECONDS_BETWEEN_TRIES = 0.05
    saving.SECONDS_BETWEEN_SAVES = 0.0  # every epoch, as in a run whose epochs take longer
    gc.collect()
    gc.freeze()


def run(
    words: Iterable[str], runs_dir: Path, fault: Fault | None = None, before: Callable[[], None] | None = None
) -> End:
    """``run.py`` with these words and this folder for its runs.

    The config of a single run is composed before the fork, once for all runs of these words. To compose it takes a
    third of the time of such a run.
    """
    words = tuple(words)
    config = None if "-m" in words else composed(words).copy()

    def prepare() -> None:
        if config is not None:
            config.runs_dir = str(runs_dir)
            hydra.main = lambda **_: partial(_with, config)
        if before:
            before()

    return command("run.py", [*words, f"runs_dir={runs_dir}"], fault, prepare)


@cache
def composed(words: tuple[str, ...]) -> DictConfig:
    """The config of these words, with Hydra's own part."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(os.path.join(ROOT, "conf"), version_base="1.3"):
        return compose("config", list(words), return_hydra_config=True)


def _with(config: DictConfig, job: Callable[[DictConfig], None]) -> Callable[[], None]:
    """What ``hydra.main`` makes of a job, but for the composing."""
    HydraConfig.instance().set_config(config)
    with open_dict(config):
        del config["hydra"]
    return lambda: job(config)


def command(
    script: str, words: Iterable[str], fault: Fault | None = None, before: Callable[[], None] | None = None
) -> End:
    """A script of the project, or ``-m module``, in a fork of this process.

    Args:
        before: called in the fork, before the script.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _be(script, [str(word) for word in words], writing, fault, before)
    os.close(writing)
    return _ended(child, reading)


def _be(script: str, words: list[str], output: int, fault: Fault | None, before: Callable[[], None] | None) -> None:
    code = 99
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(ROOT)
        # A fork of a pool's worker, which may start no processes; a report does, to draw figures side by side.
        multiprocessing.current_process()._config["daemon"] = False
        if before:
            before()
        sys.argv = [script, *words]
        if fault:
            fault.arm()
        if script.startswith("-m "):
            runpy.run_module(script[3:], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(os.path.join(ROOT, script), run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        disarm()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _ended(child: int, reading: int) -> End:
    os.set_blocking(reading, False)
    said, until, status = b"", time.monotonic() + SECONDS_AT_MOST, None
    while status is None and time.monotonic() < until:
        time.sleep(0.01)
        said += _what_there_is(reading)
        pid, how = os.waitpid(child, os.WNOHANG)
        status = how if pid else None
    if status is None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    said += _what_there_is(reading)
    os.close(reading)
    code = None if status is None else os.waitstatus_to_exitcode(status)
    return End(code, said.decode(errors="replace"))


def _what_there_is(reading: int) -> bytes:
    try:
        return os.read(reading, 1 << 20)
    except BlockingIOError:
        return b""


def at_once(case: Callable[[Any], T], inputs: Iterable[Any], at_a_time: int = AT_A_TIME) -> Iterator[T]:
    """The case of each input, in a process of its own, some at a time, in the order in which they end."""
    with multiprocessing.get_context("fork").Pool(at_a_time, _take, (case,), maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(_taken, inputs)


_cases: list[Callable[[Any], Any]] = []  # of a worker: it is forked with the function, which can't be pickled


def _take(case: Callable[[Any], Any]) -> None:
    _cases[:] = [case]


def _taken(given: Any) -> Any:
    return _cases[0](given)
