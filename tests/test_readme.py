"""README and findings show what the committed results hold, and commands that the harness takes."""

import re
import shlex
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from ce_harness.config import checked
from tests.conftest import ROOT
from tests.quoted_tables import DOCUMENTS, QUOTED, quoted

in_git = pytest.mark.skipif(not (Path(ROOT) / ".git").exists(), reason="not a Git checkout")

INTERVAL = re.compile(r"[-+]?[\d.]+ \[[-+\d.e]+, [-+\d.e]+\]|[\d.]+ ± \d+\.\d+")


def committed(path: str) -> str:
    """As committed, since `make demo` may write its own over it."""
    command = ["git", "-c", f"safe.directory={ROOT}", "show", f"HEAD:{path}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@in_git
@pytest.mark.parametrize("document", DOCUMENTS)
def test_quotes_are_of_the_committed_results(document):
    quotes = QUOTED.findall(committed(document))
    assert quotes
    for _, path, rows, text, _ in quotes:
        assert text.strip() == quoted(path, committed(path), rows).strip(), f"{path}: python -m tests.quoted_tables"


@in_git
def test_every_interval_stands_in_a_file_that_its_paragraph_links_to():
    text = QUOTED.sub("", committed("docs/findings.md"))
    missing, count = [], 0
    for paragraph in re.split(r"\n\n|\n(?=\d\. )", text):
        files = [committed(f"results/{path}") for path in re.findall(r"\.\./results/([^)]+\.md)", paragraph)]
        intervals = INTERVAL.findall(" ".join(paragraph.split()))
        count += len(intervals)
        missing += [interval for interval in intervals if not any(interval in file for file in files)]
    assert count > 10
    assert missing == []


def test_the_large_study_has_as_many_runs_and_settings_as_findings_says():
    rows = Path(ROOT) / "results" / "mse_vs_ce_2" / "rows"
    runs, tuning = pd.read_csv(rows / "runs.csv"), pd.read_csv(rows / "tuning.csv")
    settings = runs.groupby(["dataset", "model", "optimizer", "model.head_stddev"], dropna=False).ngroups
    assert f"{settings} settings, {len(runs) + len(tuning):,} runs" in (Path(ROOT) / "docs" / "findings.md").read_text()


def test_rates_beyond_the_grids_are_as_findings_says():
    text = (Path(ROOT) / "docs" / "findings.md").read_text()
    best = {
        study: pd.read_csv(Path(ROOT) / "results" / "edges" / f"{study}.csv").query("chosen == 'yes'")
        for study in ("mse_vs_ce_2", "number_of_classes", "label_noise")
    }
    assert f"{len(best['mse_vs_ce_2'])} of 81 best rates" in text
    assert set(best["mse_vs_ce_2"]["it lies"]) == set(best["label_noise"]["it lies"]) == {"at the edge"}
    (rescaled,) = best["number_of_classes"].query("setting == 'num_classes 1000'").to_dict("records")
    rate, accuracy = rescaled["learning rate"], rescaled["val/accuracy"]
    told = f"at {rate}, ten times the largest, it reaches {accuracy:.4f} on validation"
    assert told in " ".join(text.split())


README = (Path(ROOT) / "README.md").read_text()


@pytest.mark.parametrize("command", re.findall(r"^python run\.py(.*?)(?:#.*)?$", README, re.MULTILINE))
def test_every_run_command_is_one_the_harness_takes(command):
    words = [word.split(",")[0] for word in shlex.split(command) if not word.startswith(("-", "hydra/"))]
    with initialize_config_dir(f"{ROOT}/conf", version_base="1.3"):
        checked(compose("config", words))


def test_every_study_that_is_reported_exists():
    names = set(re.findall(r"report\.py (\w+)|STUDY=(\w+)", README))
    for name in {one for pair in names for one in pair if one}:
        assert (Path(ROOT) / "experiments" / f"{name}.py").exists(), name


@pytest.mark.parametrize("group", ["dataset", "model", "loss", "optimizer", "hydra/launcher"])
def test_every_option_is_named(group):
    (row,) = re.findall(rf"^\| `{group}` \|.*$", README, re.MULTILINE)
    options = {path.stem for path in Path(ROOT, "conf", group).glob("*.yaml")}
    assert {option for option in options if f"`{option}`" not in row} == set()


def test_the_readme_is_read_in_minutes():
    assert len(README.splitlines()) <= 110
    assert len(README.split()) <= 900
