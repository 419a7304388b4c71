"""The doors to the commands: light, so that what a command lacks is said in one line."""

from __future__ import annotations

import importlib.util
import sys
from typing import NoReturn

from ce_harness.errors import ConfigError
from ce_harness.startup import prepare

NEEDED = ("hydra", "joblib", "mlflow", "pandas")  # of the extra [harness]; the rest comes with them


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
    for package in NEEDED:
        if importlib.util.find_spec(package) is None:
            print(f"error: {package} is not installed; pip install 'ce_harness[harness]'", file=sys.stderr)
            sys.exit(ConfigError.exit_code)
    prepare()
    sys.exit(importlib.import_module(module).main())
