"""Runs trained again, beside the rows of the first time."""

from dataclasses import replace

import pandas as pd
import pytest

from benchmarks import repeat, trained_again
from ce_harness.cli import studies
from ce_harness.cli.composing import Configs
from tests.report.synthetic import Run

FINGERPRINT = {"fingerprint": "f"}
DIVERGED = Run("mse", 4, status="diverged", tags=FINGERPRINT)


@pytest.fixture
def first_time():
    """A run that ended, and one that diverged."""
    run = Run("mse", 3, tags=FINGERPRINT)
    same = dict.fromkeys(repeat.IDENTITY, 0) | FINGERPRINT | {"code_digest": run.tags["code_digest"]}
    return run, pd.DataFrame([same | run.metrics, same])


def equal(before, *again):
    return repeat.compared(before, dict(enumerate(again)))["equal"].tolist()


def test_equal_is_equal_to_the_last_bit(first_time):
    run, before = first_time
    frame = repeat.compared(before, {0: run, 1: DIVERGED})
    assert frame[["equal", "same fingerprint", "same code"]].all(axis=None)
    nearly = replace(run, metrics={**run.metrics, "test/nll": run.metrics["test/nll"] * (1 + 2**-52)})
    assert equal(before, nearly, DIVERGED) == [False, True]


def test_another_identity_is_no_difference(first_time):
    """What names a run may change with the code; what was trained counts."""
    run, before = first_time
    renamed = replace(run, tags={**run.tags, "config_hash": "other", "code_digest": "other"})
    frame = repeat.compared(before, {0: renamed, 1: DIVERGED})
    assert frame["equal"].all()
    assert frame["same code"].tolist() == [False, True]


def test_a_run_that_is_tested_at_its_best_epoch_is_compared_there(first_time):
    run, before = first_time
    last = {**run.metrics, "val/accuracy": 0.25, "best/val/accuracy": run.metrics["val/accuracy"]}
    again = replace(run, metrics=last | {"best/epoch": 3.0, "test/epoch": 3.0})
    frame = repeat.compared(before.assign(**{"test/epoch": [3.0, None]}), {0: again, 1: DIVERGED})
    assert frame["equal"].all()
    assert frame[repeat.DIFFERENCE][0] == 0


def test_how_far_an_accuracy_is_from_the_first_one(first_time):
    run, before = first_time
    other = replace(run, metrics={**run.metrics, "val/accuracy": run.metrics["val/accuracy"] - 0.25})
    difference = repeat.compared(before, {0: other, 1: None})[repeat.DIFFERENCE]
    assert difference[0] == pytest.approx(0.25)
    assert difference.isna().tolist() == [False, True]


def test_a_run_that_ends_otherwise_or_not_at_all_is_not_equal(first_time):
    run, before = first_time
    assert equal(before, run, run) == [True, False]
    assert equal(before, DIVERGED, None) == [False, False]


def test_every_run_of_a_study_can_be_asked_for_again():
    reads = list(studies.find("mse_vs_ce_2").load().reads)
    kept = pd.read_csv("results/mse_vs_ce_2/rows/runs.csv", dtype=str, keep_default_na=False, usecols=reads)
    starts = kept.drop_duplicates("model.head_stddev")
    configs = [Configs().compose(trained_again.overrides("mse_vs_ce_2", row)) for row in starts.to_dict("records")]
    assert [config.model.head_stddev for config in configs] == [None, 4.0]
    assert [config.loss.name for config in configs] == starts["loss"].tolist()
