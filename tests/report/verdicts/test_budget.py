"""The expected score of the best of k trials, against all choices counted one by one."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from ce_harness.report.output.budget import budget_curves, tuning_budget
from ce_harness.report.study import Claim, Evidence, Study
from ce_harness.report.verdicts import rates
from ce_harness.report.verdicts.budget import best_of, trial_values
from ce_harness.report.verdicts.claims import judge

VALIDATION = np.array([0.5, 0.9, 0.7, 0.1, 0.8])
TEST = np.array([0.6, 0.8, 0.7, 0.1, 0.9])


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_best_of_k_by_counting_all_choices(k):
    chosen = [TEST[max(some, key=VALIDATION.__getitem__)] for some in combinations(range(5), k)]
    assert best_of(k, VALIDATION, TEST) == pytest.approx(np.mean(chosen))


def test_trials_that_are_equal_on_validation_are_chosen_alike():
    assert best_of(2, [0.5, 0.5, 0.1], [0.6, 0.8, 0.2]) == pytest.approx((0.7 + 0.6 + 0.8) / 3)


def test_the_mean_of_the_trials_values_is_the_estimate():
    assert trial_values(3, VALIDATION, TEST).mean() == pytest.approx(best_of(3, VALIDATION, TEST))
    assert trial_values(1, VALIDATION, TEST) == pytest.approx(TEST)
    assert np.isnan(trial_values(5, VALIDATION, TEST)).all()


def test_the_interval_of_the_best_of_three_covers_what_three_trials_give():
    rng = np.random.default_rng(0)
    truth, covered = 3 / 4, []  # of three uniform trials
    for _ in range(400):
        trials = rng.random(40)
        values = trial_values(3, trials, trials)
        covered.append(abs(values.mean() - truth) < 2.02 * values.std(ddof=1) / np.sqrt(40))
    assert 0.9 < np.mean(covered) < 0.98


def test_a_random_search_is_judged_by_trials_of_equal_seed():
    """Cross-entropy fails in a tenth of 40 trials and mse in half; the best of each is as good."""
    trials = []
    for loss, works in (("softmax_ce", 0.9), ("mse", 0.5)):
        for seed in range(40):
            failed = seed % 10 >= 10 * works
            accuracy = 0.1 if failed else 0.9 + 0.001 * (seed % 5)
            trials.append(
                {"run": f"{loss}-{seed}", "dataset": "digits", "model": "lenet5", "optimizer": "sgd"}
                | {"loss": loss, "learning_rate": 0.01 * (seed + 1), "seed": seed}
                | {"val/accuracy": accuracy, "test/accuracy": accuracy, "num_classes": 10, "status": "complete"}
            )
    search = Study("?", {}, reads={"loss": ["softmax_ce", "mse"], "seed": range(40)}, random_search=True)
    evidence = rates.compared(search, Evidence(runs=pd.DataFrame(trials)))
    claims = [
        Claim("CE fails less often", "failed", "softmax_ce", "mse", "less", margin=0.05),
        Claim("with ten trials CE is ahead", "best_of/10", "softmax_ce", "mse", "greater", margin=0.005),
    ]
    judged = judge(claims, evidence)
    assert judged["mean"].tolist() == pytest.approx([-0.4, 0], abs=1e-3)
    assert judged["verdict"].tolist() == ["supported", "equivalent"]
    shown = tuning_budget(evidence, budgets=(3,)).shown.set_index("metric")
    assert shown.loc["share of trainings that fail", "MSE (sum over classes)"].startswith("0.5")
    (curves,) = budget_curves(evidence).axes
    assert [text.get_text() for text in curves.get_xticklabels() if "$" in text.get_text()] == []  # formulas
