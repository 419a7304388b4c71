"""Where a report comes from: code, data, machine, and whether its rules are older than its runs."""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from ce_harness.report.study import Evidence

# What turns rows into verdicts, beside the study's own file.
JUDGES = Path(__file__).with_name("verdicts")


def digest(study_file: Path) -> str:
    """SHA-256 of a study: of its file, or of all files of its package, and of the studies these import."""
    return _digest(_files(study_file))


def digests_then(study_file: Path, commits: Iterable[str], start_times: Iterable[int]) -> list[str]:
    """The same as it was when each run began, of the files the study has now; empty where Git doesn't know.

    A study in another repository than the runs' code, of which a run tells the commit, is dated by its own commits.

    Args:
        commits: of the code of each run.
        start_times: of each run, milliseconds since 1970.
    """
    files, history = tuple(_files(study_file)), _history(study_file.parent)

    def at(time: float) -> str:
        return next((_digest_at(commit, files) for date, commit in history if date <= time), "")

    began = zip(commits, start_times, strict=True)
    return [_digest_at(commit, files) or at(start_time / 1000) for commit, start_time in began]


def _history(folder: Path) -> list[tuple[int, str]]:
    """Date and name of the commits of a folder's repository, the latest first."""
    try:
        log = subprocess.run(["git", "log", "--format=%ct %H"], cwd=folder, capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return [(int(date), commit) for date, commit in map(str.split, log.stdout.splitlines())]


def judging_digest_at(commit: str) -> str:
    """SHA-256 of the code that judges, at a commit; empty where Git doesn't know it."""
    return _digest_at(commit, tuple(_judging_files()))


def _judging_files() -> list[Path]:
    return sorted(JUDGES.rglob("*.py"))


def _digest(files: Iterable[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


@cache
def _digest_at(commit: str, files: tuple[Path, ...]) -> str:
    folder = files[0].parent
    names = [f"{commit}:./{os.path.relpath(path, folder)}" for path in files]
    try:
        shown = subprocess.run(["git", "show", *names], cwd=folder, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return hashlib.sha256(shown.stdout).hexdigest()


def _files(study_file: Path) -> list[Path]:
    """The file, or those of a study that is a folder, and whatever lies beside it and is imported, however far down."""
    is_folder = study_file.name == "__init__.py"
    files = sorted(study_file.parent.glob("*.py")) if is_folder else [study_file]
    for path in files:  # grows
        files += [other for other in _imported(path) if other not in files]
    return files


def _imported(path: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names, level = [alias.name for alias in node.names], 0
        elif isinstance(node, ast.ImportFrom):
            module, level = node.module or "", node.level
            names = [module, *(f"{module}.{alias.name}".lstrip(".") for alias in node.names)]
        else:
            continue
        folder = path.parents[max(level - 1, 0)]
        for name in filter(None, names):
            module_path = folder / name.replace(".", "/")
            yield from (
                other for other in (module_path.with_suffix(".py"), module_path / "__init__.py") if other.is_file()
            )


def describe(name: str, study_file: Path, evidence: Evidence) -> dict[str, Any]:
    """The facts of ``report.json``, the same from the store and from the rows."""
    facts: dict[str, Any] = {"study": name, "study_sha256": digest(study_file)}
    if evidence.runs.empty:
        return facts
    # Tuning runs are runs: rules that changed after the first of them were not fixed before.
    runs = pd.concat([evidence.tuning, evidence.runs], ignore_index=True)
    first = runs.loc[runs["start_time"].idxmin()]
    tuning = {"tuning_runs": len(evidence.tuning)} if len(evidence.tuning) else {}
    left_out = {}
    if len(evidence.excluded):
        left_out = {"left_out": evidence.excluded["reason"].str.partition(":")[0].value_counts().sort_index().to_dict()}
    return facts | {
        "runs": len(evidence.runs),
        **tuning,
        **left_out,
        "first_run": f"{datetime.fromtimestamp(first['start_time'] / 1000, UTC):%Y-%m-%d %H:%M} UTC",
        "first_run_commit": first["git_commit"],
        "rules": _rules(first, facts["study_sha256"]),
        "judging_code": _judging(first),
        "commits": sorted(set(runs["git_commit"])),
        "runs_with_uncommitted_changes": _uncommitted(runs["git_dirty"]),
        "code_digests": sorted(set(_first_told(runs, "harness_digest", "code_digest"))),
        "data_sha256": {
            dataset: ", ".join(sorted(set(_first_told(of_dataset, "source_digest", "dataset_digest"))))
            for dataset, of_dataset in runs.groupby("dataset")
        },
        "machines": sorted(set(runs["fingerprint"])),
    }


def _first_told(runs: pd.DataFrame, newer: str, older: str) -> pd.Series:
    """A column, or where earlier runs lack it another."""
    return runs[newer].where(runs[newer].fillna("") != "", runs[older]) if newer in runs else runs[older]


def _uncommitted(dirty: pd.Series) -> int | str:
    if "unknown" in set(dirty):
        return "unknown: ce_harness was installed, and not run from its repository"
    return int((dirty == "true").sum())


def _rules(first: pd.Series, now: str) -> str:
    if not first["study_digest"]:
        return "unknown: Git has no version of the study file from the time of the first run"
    if first["study_digest"] != now:
        return "changed after the first run: the study file differs from the one that Git had then"
    return "fixed before the runs: the study file is the one that Git had then"


def _judging(first: pd.Series) -> str:
    then = first.get("judging_digest")  # rows of an older version have none
    if not then:
        return "unknown: Git has no version of it at the commit of the first run"
    if then != _digest(_judging_files()):
        return f"changed after the first run: git diff {first['git_commit'][:12]} -- ce_harness/report shows how"
    return "that of the commit of the first run"
