"""The life of a run command: refuse bad input in one line, run, leave with the contract's exit code."""

from __future__ import annotations

import gc
import io
import os
import signal
import stat
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr
from functools import cache
from importlib import import_module
from types import FrameType
from typing import NoReturn, cast

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.console import Console

from ce_harness import devices, places, sweep
from ce_harness.cli import arguments
from ce_harness.cli.composition import CheckedConfigLoader
from ce_harness.config import GROUPS, checked, run_name
from ce_harness.config.error_messages import explain
from ce_harness.config.sources import read_all_of_ours, refuse_edited
from ce_harness.errors import INTERRUPTED, ConfigError, DivergedError
from ce_harness.passwords import without_passwords, without_user
from ce_harness.rundir.directory import RunDirectory
from ce_harness.startup import import_tensorflow, loading
from ce_harness.sweep.trained_elsewhere import scores_elsewhere
from ce_harness.unofficial.hydra import use

_errors: list[Exception] = []  # of the one job of a plain call


def main() -> int:
    """Has Hydra compose the config and run the job; turns every way it can end into at most one line and a code."""
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    # Makes Hydra raise what it would otherwise print in its own way, and exit with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, _hang_up)
    try:
        _check_backend()
        sys.argv[1:] = arguments.prepared(sys.argv[1:])
        use(CheckedConfigLoader)
        command = hydra.main(version_base="1.3", config_path=str(places.conf()), config_name="config")(run_job)
        if arguments.only_show(sys.argv[1:]):
            _show(command)
        else:
            command()
        for error in _errors:
            raise error
    except KeyboardInterrupt:
        print("interrupted; the same command continues", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as end:  # Hydra's, which has shown something
        return int(end.code or 0)
    except Exception as error:
        known = explain(error)
        if known is None or wants_traceback:
            print(without_passwords(traceback.format_exc()), end="", file=sys.stderr)
        if known is not None:
            print(known.line, file=sys.stderr)
        return known.exit_code if known else 1
    finally:
        gc.freeze()  # else Python looks through all that was imported for garbage before it ends: .15 s
    return 0


def _show(command: Callable[[], None]) -> None:
    """Shows a config; what Hydra says of one that isn't there, before it leaves by itself, is an error like others."""
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            command()
    except SystemExit as end:
        if not end.code:  # with --help, too
            raise
        raise ConfigError(f"--package: {said.getvalue().strip()}; for example --cfg job -p {GROUPS[0]}") from end


def _check_backend() -> None:
    backend = os.environ["KERAS_BACKEND"]
    if backend != "tensorflow":
        raise ConfigError(f"KERAS_BACKEND={backend}: allowed is tensorflow; unset the variable")


def _interrupt(signal_number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _hang_up(signal_number: int, frame: FrameType | None) -> NoReturn:
    """The terminal is gone: the kernel and the shell both say so, and to write to it would be an error."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with open(os.devnull, "w") as nowhere:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            if stat.S_ISCHR(os.fstat(stream.fileno()).st_mode):
                os.dup2(nowhere.fileno(), stream.fileno())
    raise KeyboardInterrupt


def run_job(config: DictConfig) -> None:
    """What Hydra runs: the one run of a plain call, or one cell of a sweep."""
    hydra_config = cast(DictConfig, HydraConfig.get())  # its type names the schema
    typed = hydra_config.overrides.task
    if hydra_config.mode == RunMode.MULTIRUN:
        sweep.run_cell(
            hydra_config,
            config.device,
            load=_load,
            name=lambda: RunDirectory.named_after(checked(config)).path.name,
            job=lambda: _run(checked(config), None, typed),
        )
    else:
        try:
            config = checked(config)
            line = _trained_elsewhere(config) or _run(config, Console(), typed)
            print(f"{run_name(config, typed)}  {line}")
        except Exception as error:  # Hydra would add a line of its own
            _errors.append(error)


@cache  # a worker does it for its first cell; each time more of its memory would be frozen
def _load() -> None:
    """Imports what a run needs, even what would be imported late: the cells of a sweep share it."""
    with loading():
        read_all_of_ours()
        import_tensorflow()
        for module in ("losses", "models", "training", "tracking.database_code", "tracking.uploader"):
            import_module(f"ce_harness.{module}")
    refuse_edited()


def _trained_elsewhere(config: DictConfig) -> str:
    """What the store says of a run that it has from somebody else; "" if that is no reason not to train it."""
    run = RunDirectory.of(config)
    scores = scores_elsewhere(config, run) if config.skip_tracked and not run.outcome else None
    return f"was complete in {without_user(config.tracking_uri)}  {told(scores)}" if scores else ""


def _run(config: DictConfig, console: Console | None, typed: Sequence[str]) -> str:
    """Trains, unless that is already done; returns a line that says how it went.

    Args:
        config: checked.
        typed: the overrides, for the run's name.
    """
    run = RunDirectory.of(config)
    done_before = run.finished(config)
    if not done_before:
        devices.choose(config.device)
        with loading():
            import_tensorflow()
            from ce_harness.training import train_and_evaluate

        train_and_evaluate(config, console, run_name(config, typed))
    outcome = run.outcome
    assert outcome is not None, "a run that was trained has ended"
    if outcome["status"] == "diverged":
        raise DivergedError(outcome["message"])
    return f"{'was complete' if done_before else 'complete'}  {told(outcome['metrics'])}  {run.path}"


def told(scores: Mapping[str, float]) -> str:
    """The scores of the test set in one line, and whether the network has learned no more than to name one class."""
    line = "test: " + "  ".join(f"{name} {scores[f'test/{name}']:.4f}" for name in ("accuracy", "nll", "brier"))
    if scores["test/accuracy"] > scores.get("test/majority_accuracy", 0):
        return line
    return f"{line}  (no more accurate than always naming the most frequent class)"
