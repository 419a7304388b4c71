"""What the figures of a benchmark belong to: the machine and the versions on it."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import joblib
import pandas as pd

from ce_harness.report.study import Table

PACKAGES = ("tensorflow", "keras", "numpy", "mlflow", "hydra-core")


def machine() -> Table:
    """Processor, memory and versions."""
    facts = {
        "processor": _processor(),
        "cores": joblib.cpu_count(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }
    return Table("The machine", pd.DataFrame(facts.items(), columns=["what", "found"]))


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*: (.+)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.exists() else None
    return named[1] if named else platform.processor()
