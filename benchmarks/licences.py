"""Under which licences is what the locks install? As the packages that are installed here say themselves.

Command: python -m benchmarks licences    (a second, where both locks are installed: `make test-cluster`)
"""

from __future__ import annotations

import re
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pandas as pd

from ce_harness.report.study import Table

LOCKS = ("requirements.lock", "requirements-cluster.lock")
ROOT = Path(__file__).parents[1]


def licences() -> Table:
    """Each package of both locks with its licence, and how many packages are under each."""
    both = [set(packages(ROOT / lock)) for lock in LOCKS]
    rows = [
        {"package": name, "licence": licence_of(name), "lock": LOCKS[0] if name in both[0] else LOCKS[1]}
        for name in sorted(set.union(*both))
    ]
    frame = pd.DataFrame(rows)
    counts = frame.groupby(["licence", "lock"])["package"].agg(["size", partial(_named, most=3)])
    counts.columns = pd.Index(["packages", "which"])
    return Table(
        "The licences of what the locks install",
        frame,
        counts.reset_index().sort_values("packages", ascending=False, kind="stable"),
        ("In the words of each package. What is not installed here is for another system.",),
    )


def packages(lock: Path) -> list[str]:
    """The names in a lock."""
    return re.findall(r"^([\w.-]+)==", lock.read_text(), re.MULTILINE)


def licence_of(name: str) -> str:
    """What the metadata of an installed package say: an expression, a classifier or a text; or the file of it."""
    try:
        package = distribution(name)
    except PackageNotFoundError:
        return "not installed here"
    said = package.metadata
    classifiers = [text.rpartition(" :: ")[2] for text in said.get_all("Classifier", []) if text.startswith("License")]
    text = said.get("License-Expression") or ", ".join(classifiers) or said.get("License", "").partition("\n")[0]
    if text and text != "OSI Approved":
        return text
    file = next(path for path in package.files or () if "LICEN" in path.name.upper())
    content = file.read_text()
    known = {"Permission is hereby granted, free of charge": "MIT", "Apache License": "Apache-2.0"}
    return next((licence for words, licence in known.items() if words in content), file.name)


def _named(names: pd.Series, most: int) -> str:
    return ", ".join(names) if len(names) <= most else "many"


TABLES = {"licences": licences}
