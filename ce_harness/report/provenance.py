"""Where a report comes from: code, data, machine, and whether its rules are older than its runs."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pandas as pd

from ce_harness.report.study import Evidence


def digest(study_file: Path) -> str:
    """SHA-256 of a study: of its file, or of all files of its package."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in _files(study_file))).hexdigest()


@cache
def digest_at(commit: str, study_file: Path) -> str:
    """The same at a commit, of the files it has now; empty where Git doesn't know them."""
    names = [f"{commit}:./{path.name}" for path in _files(study_file)]
    try:
        shown = subprocess.run(["git", "show", *names], cwd=study_file.parent, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return hashlib.sha256(shown.stdout).hexdigest()


def _files(study_file: Path) -> list[Path]:
    return sorted(study_file.parent.glob("*.py")) if study_file.name == "__init__.py" else [study_file]


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
        "commits": sorted(set(runs["git_commit"])),
        "code_digests": sorted(set(runs["code_digest"])),
        "data_sha256": dict(sorted(set(zip(runs["dataset"], runs["dataset_digest"], strict=True)))),
        "machines": sorted(set(runs["fingerprint"])),
    }


def _rules(first, now: str) -> str:
    if not first["study_digest"]:
        return "unknown: Git has no version of the study file at the commit of the first run"
    if first["study_digest"] != now:
        return "changed after the first run: the study file differs from the one at its commit"
    return "fixed before the runs: the study file is the one at the commit of the first run"
