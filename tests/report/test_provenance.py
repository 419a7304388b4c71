"""Whether the page can say that the rules were fixed before the runs."""

import subprocess

import pandas as pd
import pytest

from ce_harness.report import provenance
from ce_harness.report.study import Evidence


@pytest.fixture
def study_file(tmp_path):
    """A study under version control."""

    def git(*words):
        identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
        done = subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    path = tmp_path / "study.py"
    path.write_text("margin = 0.005\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "rules")
    return path, git("rev-parse", "HEAD")


def evidence(path, *commits, tuning=()):
    def frame(commits, start):
        digests = provenance.digests_then(path, commits, range(start, start + len(commits)))
        rows = [
            {"run": f"r{i}", "start_time": start + i, "git_commit": commit, "code_digest": "c", "dataset": "digits"}
            | {
                "dataset_digest": "d",
                "fingerprint": "f",
                "study_digest": digests[i],
            }
            | {"git_dirty": "true" if i else "false", "judging_digest": provenance.judging_digest_at(commit)}
            for i, commit in enumerate(commits)
        ]
        return pd.DataFrame(rows)

    return Evidence(runs=frame(commits, 1000), tuning=frame(tuning, 0))


def rules(path, found):
    return provenance.describe("study", path, found)["rules"]


def test_rules_that_are_those_of_the_first_run(study_file):
    path, commit = study_file
    assert rules(path, evidence(path, commit, commit)).startswith("fixed before the runs")


def test_a_margin_that_changed_after_the_first_run_is_told(study_file):
    path, commit = study_file
    found = evidence(path, commit)
    path.write_text("margin = 0.05\n")
    assert rules(path, found).startswith("changed after the first run")


def test_a_rule_in_a_study_that_is_imported_is_a_rule_of_this_one(study_file):
    path, _ = study_file
    path.with_name("first.py").write_text("MARGIN = 0.005\n")
    path.write_text("from first import MARGIN\n")
    before = provenance.digest(path)
    path.with_name("first.py").write_text("MARGIN = 0.05\n")
    assert provenance.digest(path) != before


def test_the_code_that_judges_is_part_of_the_rules(study_file, monkeypatch, tmp_path_factory):
    path, commit = study_file
    judge = tmp_path_factory.mktemp("judges") / "judge.py"
    judge.write_text("ALPHA = 0.5\n")
    monkeypatch.setattr(provenance, "JUDGES", path.parent)
    found = evidence(path, commit)
    assert provenance.describe("study", path, found)["judging_code"] == "that of the commit of the first run"
    monkeypatch.setattr(provenance, "JUDGES", judge.parent)
    assert provenance.describe("study", path, found)["judging_code"].startswith(
        f"changed after the first run: git diff {commit[:12]}"
    )
    unknown = evidence(path, "unknown")
    assert provenance.describe("study", path, unknown)["judging_code"].startswith("unknown")


def test_runs_of_a_checkout_with_changes_are_counted(study_file):
    path, commit = study_file
    found = evidence(path, commit, commit, commit)
    assert provenance.describe("study", path, found)["runs_with_uncommitted_changes"] == 2


def test_of_an_installed_package_git_knows_no_changes(study_file):
    path, commit = study_file
    installed = evidence(path, commit)
    installed.runs["git_dirty"] = "unknown"
    told = provenance.describe("study", path, installed)["runs_with_uncommitted_changes"]
    assert told.startswith("unknown: ce_harness was installed")


def test_tuning_runs_are_the_first(study_file):
    path, commit = study_file
    assert rules(path, evidence(path, commit, tuning=["0" * 40])).startswith("unknown")


def test_a_commit_that_git_does_not_know(study_file):
    path, _ = study_file
    assert rules(path, evidence(path, "unknown")).startswith("unknown")


@pytest.mark.parametrize("imported", ["import first", "from first import MARGIN", "from .first import MARGIN"])
def test_whatever_way_it_is_imported(study_file, imported):
    path, _ = study_file
    path.with_name("first.py").write_text("MARGIN = 0.005\n")
    path.write_text(f"{imported}\nimport json\n")
    before = provenance.digest(path)
    path.with_name("first.py").write_text("MARGIN = 0.05\n")
    assert provenance.digest(path) != before


def test_a_study_in_a_repository_of_its_own_is_dated_by_its_commits(study_file):
    path, _ = study_file
    of_the_harness = "0" * 40
    later, earlier = 4_000_000_000_000, 1000
    now = provenance.digest(path)
    assert provenance.digests_then(path, [of_the_harness] * 2, [later, earlier]) == [now, ""]
    path.write_text("margin = 0.05\n")
    assert provenance.digests_then(path, [of_the_harness], [later]) == [now]


def test_a_study_in_no_repository_has_unknown_rules(tmp_path):
    path = tmp_path / "study.py"
    path.write_text("margin = 0.005\n")
    assert provenance.digests_then(path, ["0" * 40], [4_000_000_000_000]) == [""]
