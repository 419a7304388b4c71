"""The doors to the commands: light, so that what a command lacks is said in one line."""

from __future__ import annotations

import importlib
import os
import sys
from typing import NoReturn

from ce_harness import interrupts
from ce_harness.cli import streams
from ce_harness.errors import INTERRUPTED, ConfigError
from ce_harness.startup import lacking, loading, prepare


def run() -> NoReturn:
    """``ce-run``, and ``python run.py`` in a checkout."""
    _start("ce_harness.cli.run")


def report() -> NoReturn:
    """``ce-report``, and ``python report.py`` in a checkout."""
    # Thousands of small products, which threads slow down. From the start: figures are drawn in forks.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _start("ce_harness.cli.report")


def dashboard() -> NoReturn:
    """``ce-dashboard``."""
    _start("ce_harness.tracking.dashboard")


def _start(module: str) -> NoReturn:
    streams.secure()
    interrupts.not_lost_in_destructors()
    if reason := lacking():
        print(f"error: {reason}", file=sys.stderr)
        sys.exit(ConfigError.exit_code)
    prepare()
    try:  # also what the command imports before it can answer for itself
        with loading():
            command = importlib.import_module(module)
        exit_code = command.main()
        interrupts.ignore()  # nothing is left to interrupt, and Python's own end would show a traceback
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        exit_code = INTERRUPTED
    sys.exit(streams.exit_code_after(exit_code))
