"""Runs trained again, beside the rows of the first time."""

from dataclasses import replace

import pandas as pd
import pytest

from benchmarks import repeat
from tests.report.synthetic import Run

FINGERPRINT = {"fingerprint": "f"}


@pytest.fixture
def first_time():
    """A run that ended, and one that diverged."""
    run = Run("mse", 3, tags=FINGERPRINT)
    cell = dict.fromkeys(repeat.READS, 0) | {"run": "r"} | FINGERPRINT | {"code_digest": run.tags["code_digest"]}
    ended = cell | run.metrics | {"config_hash": run.tags["config_hash"]}
    return run, pd.DataFrame([ended, cell | {"config_hash": "other"}])


def equal(before, again):
    return repeat.compared(before, again)["equal"].tolist()


def test_equal_is_equal_to_the_last_bit(first_time):
    run, before = first_time
    diverged = Run("mse", 4, status="diverged", tags=FINGERPRINT | {"config_hash": "other"})
    found = repeat.compared(before, [run, diverged])
    assert found[["equal", "same fingerprint", "same code"]].all(axis=None)
    nearly = replace(run, metrics={**run.metrics, "test/nll": run.metrics["test/nll"] * (1 + 2**-52)})
    assert equal(before, [nearly, diverged]) == [False, True]


def test_how_far_an_accuracy_is_from_the_first_one(first_time):
    run, before = first_time
    other = replace(run, metrics={**run.metrics, "val/accuracy": run.metrics["val/accuracy"] - 0.25})
    difference = repeat.compared(before, [other])[repeat.DIFFERENCE]
    assert difference[0] == pytest.approx(0.25)
    assert difference.isna().tolist() == [False, True]


def test_a_run_that_ends_otherwise_or_not_at_all_is_not_equal(first_time):
    run, before = first_time
    complete = replace(run, tags={**run.tags, "config_hash": "other"})
    assert equal(before, [run, complete]) == [True, False]
    assert equal(before, [replace(run, status="diverged")]) == [False, False]
