"""From an MLflow store whose truth is known to the verdicts on the page."""

from dataclasses import replace

import pandas as pd
import pytest

from benchmarks.made_up_store import SAME, TRUTHS, Truth, grid, make
from ce_harness.cli import report
from ce_harness.report import any_losses

TIE = Truth(accuracy=1.0)  # nothing is above 1: many runs tie there


@pytest.fixture
def reported(tmp_path, runs_dir, monkeypatch):
    study = any_losses.study
    # What the figures show is not asked here, and they take longest.
    monkeypatch.setattr(any_losses, "study", lambda *args, **more: replace(study(*args, **more), figures={}))

    def make_and_report(truth, runs=40, settings=2):
        uri = make(runs_dir, "single_runs", grid(runs, settings, ("softmax_ce", "mse")), truth)
        command = ["--losses", "softmax_ce,mse", "--tracking-uri", uri, "--output", str(tmp_path / "report")]
        assert report.main(command) == 0
        return tmp_path / "report"

    return make_and_report


def verdicts(folder):
    frame = pd.read_csv(folder / "verdicts.csv").set_index("metric")
    return frame["verdict"].to_dict()


@pytest.mark.parametrize(
    ("truth", "accuracy", "calibration", "speed"),
    [
        ("no_difference", "equivalent", "equivalent", "equivalent"),
        ("ce_better", "supported", "supported", "supported"),
        ("mse_better", "contradicted", "contradicted", "contradicted"),
    ],
)
def test_verdicts_on_stores_whose_truth_is_known(reported, truth, accuracy, calibration, speed):
    found = verdicts(reported(TRUTHS[truth]))
    assert (found["test/accuracy"], found["test/ece"]) == (accuracy, calibration)
    # Half of the runs that end near 95% never reach it: whether these tell of speed is left to chance.
    assert found["epochs_to/0.95"] in ({"inconclusive", speed} if truth == "no_difference" else {speed})


def test_diverged_and_missing_cells_are_listed_and_the_rest_decides(reported):
    folder = reported(TRUTHS["gaps"], runs=60)
    reasons = pd.read_csv(folder / "excluded.csv")["reason"].str.split(":").str[0].value_counts().to_dict()
    assert reasons == {"diverged": 6, "missing": 6, "unpaired": 6}
    frame = pd.read_csv(folder / "verdicts_by_setting.csv").query("metric == 'test/accuracy'")
    assert frame["n"].tolist() == [12, 12]  # those that diverged count as chance
    assert set(frame["verdict"]) == {"supported"}


def test_ties_are_no_difference(reported):
    folder = reported(lambda cell: TIE)
    tied = pd.read_csv(folder / "rows" / "runs.csv")["test/accuracy"] == 1
    assert tied.mean() > 0.3
    assert verdicts(folder)["test/accuracy"] == "equivalent"


def test_what_holds_in_one_setting_and_fails_in_another_depends(reported):
    better = {("softmax_ce", "sgd"), ("mse", "adam")}
    folder = reported(lambda cell: SAME if (cell["loss"], cell["optimizer"]) in better else Truth(0.90))
    found = pd.read_csv(folder / "verdicts.csv").set_index("metric").loc["test/accuracy"]
    assert found["verdict"] == "depends"
    assert found["settings"] == "1 supported, 1 contradicted"
    by_part = pd.read_csv(folder / "sensitivity.csv").query("metric == 'test/accuracy'").set_index("variant")
    assert by_part.loc[["sgd", "adam"], "verdict"].tolist() == ["supported", "contradicted"]
