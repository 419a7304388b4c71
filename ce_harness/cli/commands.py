"""The doors to the commands: light, so that what a command lacks is said in one line."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import NoReturn

from ce_harness.errors import INTERRUPTED, ConfigError
from ce_harness.startup import lacking, prepare

NOBODY_READS = 128 + signal.SIGPIPE  # what the shell calls a command whose reader, such as `head`, has ended


def run() -> NoReturn:
    """``ce-run``, and ``python run.py`` in a checkout."""
    _start("ce_harness.cli.run")


def report() -> NoReturn:
    """``ce-report``, and ``python report.py`` in a checkout."""
    _start("ce_harness.cli.report")


def dashboard() -> NoReturn:
    """``ce-dashboard``."""
    _start("ce_harness.tracking.dashboard")


def _start(module: str) -> NoReturn:
    if reason := lacking():
        print(f"error: {reason}", file=sys.stderr)
        sys.exit(ConfigError.exit_code)
    prepare()
    try:  # also what the command imports before it can answer for itself
        exit_code = importlib.import_module(module).main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        exit_code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python tries once more at its end
        exit_code = NOBODY_READS
    sys.exit(exit_code)
