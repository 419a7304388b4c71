"""Where a report comes from: code, data, machine, and whether its rules are older than its runs."""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pandas as pd

from ce_harness.report.study import Evidence

# What turns rows into verdicts, beside the study's own file.
JUDGES = Path(__file__).with_name("verdicts")


def digest(study_file: Path) -> str:
    """SHA-256 of a study: of its file, or of all files of its package, and of the studies these import."""
    return _digest(_files(study_file))


@cache  # asked for every run
def digest_at(commit: str, study_file: Path) -> str:
    """The same at a commit, of the files it has now; empty where Git doesn't know them."""
    return _digest_at(commit, tuple(_files(study_file)))


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
    package = study_file.name == "__init__.py"
    files = sorted(study_file.parent.glob("*.py")) if package else [study_file]
    studies = study_file.parent.parent if package else study_file.parent
    for path in files:  # grows: an imported study may import another
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("experiments."):
                imported = studies / f"{node.module.removeprefix('experiments.').replace('.', '/')}.py"
                if imported.exists() and imported not in files:
                    files.append(imported)
    return files


def describe(name: str, study_file: Path, evidence: Evidence) -> dict:
    """The facts of ``report.json``, the same from the store and from the rows."""
    facts = {"study": name, "study_sha256": digest(study_file)}
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
        "runs_with_uncommitted_changes": int((runs["git_dirty"] == "true").sum()),
        "code_digests": sorted(set(runs["code_digest"])),
        "data_sha256": {
            dataset: ", ".join(sorted(set(digests))) for dataset, digests in runs.groupby("dataset")["dataset_digest"]
        },
        "machines": sorted(set(runs["fingerprint"])),
    }


def _rules(first, now: str) -> str:
    if not first["study_digest"]:
        return "unknown: Git has no version of the study file at the commit of the first run"
    if first["study_digest"] != now:
        return "changed after the first run: the study file differs from the one at its commit"
    return "fixed before the runs: the study file is the one at the commit of the first run"


def _judging(first) -> str:
    then = first.get("judging_digest")  # rows of an older version have none
    if not then:
        return "unknown: Git has no version of it at the commit of the first run"
    if then != _digest(_judging_files()):
        return f"changed after the first run: git diff {first['git_commit'][:12]} -- ce_harness/report shows how"
    return "that of the commit of the first run"
