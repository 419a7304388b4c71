"""Outcomes of a run against numbers worked by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ce_harness.report.study import Claim, Evidence
from ce_harness.report.verdicts.claims import judge_overall
from ce_harness.report.verdicts.outcomes import AT_CHANCE, outcome
from ce_harness.theory import true_class_gradient

LOSSES = ["softmax_ce", "mse"]


def runs(seeds=2, **columns):
    rows = [{"run": f"{loss}-{seed}", "loss": loss, "seed": seed} for loss in LOSSES for seed in range(seeds)]
    return pd.DataFrame(rows).assign(num_classes=10, **columns)


def test_mse_loses_a_decade_of_its_pull_per_decade_of_p_true_and_cross_entropy_none():
    edges = np.array([0, 1e-4, 1e-3, 1e-2, 0.1, 0.5])
    middles = np.sqrt(np.maximum(edges[:-1], 1e-6) * edges[1:])
    bins = [
        {"run": f"{loss}-0", "epoch": 1, "p_low": low, "p_high": high, "count": 5, "mean_true_class_gradient": pull}
        for loss in LOSSES
        for low, high, pull in zip(
            edges, edges[1:], true_class_gradient(loss, middles, 10, wrong_classes=1), strict=False
        )
    ]
    evidence = Evidence(runs=runs(1), gradient_bins=pd.DataFrame(bins))
    assert outcome(evidence, "feedback_slope").tolist() == pytest.approx([0, 1], abs=0.02)


def test_what_older_runs_did_not_measure_is_nan_and_decides_nothing():
    bins = pd.DataFrame({"run": ["mse-0"], "p_low": [0.0], "p_high": [0.1], "count": [1], "mean_norm": [1.0]})
    evidence = Evidence(runs=runs(10), gradient_bins=bins)
    assert outcome(evidence, "feedback_slope").isna().all()
    claim = Claim("CE keeps its pull", "feedback_slope", *LOSSES, "less", margin=0.25)
    assert judge_overall([claim], evidence)["verdict"].item() == "inconclusive"


def test_the_area_under_the_curve_by_hand():
    curve = {"epoch": [0.5, 1, 3], "val/accuracy": [0.2, 0.4, 0.8]}
    evidence = Evidence(
        runs=runs(1), epochs=pd.concat([pd.DataFrame(curve).assign(run=f"{loss}-0") for loss in LOSSES])
    )
    # (.3 x .5 + .6 x 2) / 2.5
    assert outcome(evidence, "mean_accuracy").tolist() == pytest.approx([0.54, 0.54])


def test_a_diverged_training_counts_as_chance_and_a_run_at_chance_has_failed():
    frame = runs(**{"test/accuracy": [0.9, 0.1, np.nan, 0.95], "test/nll": [0.3, 2.3, np.nan, 0.2]})
    evidence = Evidence(runs=frame.assign(status=["complete", "complete", "diverged", "complete"]))
    assert outcome(evidence, "failed").tolist() == [0, 1, 1, 0]
    assert outcome(evidence, "test/accuracy").tolist() == [0.9, 0.1, 0.1, 0.95]
    assert outcome(evidence, "test/nll")[2] == pytest.approx(2.302585, abs=1e-6)
    assert AT_CHANCE["test/brier"](10) == pytest.approx(0.9)
    # Of three classes one of which has 45.76% of the examples, naming that one is no learning.
    three = frame.assign(**{"test/accuracy": 0.4576, "test/majority_accuracy": 0.4576}).assign(num_classes=3)
    assert outcome(replace(evidence, runs=three), "failed").tolist() == [1] * 4


def test_nothing_is_dropped_where_one_loss_fails_often():
    failing = np.arange(20) % 5 == 0
    frame = runs(10, **{"test/accuracy": 0.95 + np.random.default_rng(0).normal(0, 0.002, 20)})
    status = np.where(failing & (frame["loss"] == "mse"), "diverged", "complete")
    evidence = Evidence(runs=frame.assign(status=status))
    claim = Claim("CE is more accurate", "test/accuracy", *LOSSES, "greater", margin=0.005)
    row = judge_overall([claim], evidence).iloc[0]
    assert row["n"] == 10
    assert row["mean"] == pytest.approx(0.2 * 0.85, abs=0.003)
