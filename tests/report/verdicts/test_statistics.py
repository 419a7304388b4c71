"""Statistics against hand-worked numbers, independent computations, and simulations of known truth."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from ce_harness.report.verdicts import intervals, paired_tests, power, skewed, times
from ce_harness.report.verdicts.pairings import Effect

# Student's sleep data (1908): extra hours of sleep under two drugs, ten patients, differences in pairs.
SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])


def test_summary_of_students_sleep_data():
    found = intervals.summarize(SLEEP)
    assert found.n == 10
    assert found.mean == pytest.approx(1.58)
    assert found.sd == pytest.approx(1.229995, abs=1e-6)
    assert (found.low, found.high) == pytest.approx((0.7001142, 2.4598858), abs=1e-6)  # R's t.test


def test_one_value_has_a_mean_and_no_interval():
    found = intervals.summarize([0.9])
    assert found.mean == 0.9
    assert math.isnan(found.low)


def sign_flip_p(d):
    """Two-sided; one test per column."""
    means = paired_tests.subset_means(d * np.sign(d.mean(axis=0)))
    return 2 * (1 + (means <= 1e-12).sum(axis=0)) / (len(means) + 1)


def test_the_means_of_subsets_are_the_permutation_test_of_all_sign_patterns():
    d = SLEEP[:8]
    means = [np.mean(d * signs) for signs in itertools.product((1, -1), repeat=len(d))]
    by_hand = np.mean(np.abs(means) >= abs(d.mean()) - 1e-12)
    assert sign_flip_p(d) == pytest.approx(by_hand)


def test_smallest_p_of_n_pairs():
    assert paired_tests.difference_p(np.arange(1.0, 7)) == 2 / 2**6 == paired_tests.smallest_p(6)
    assert paired_tests.difference_p(np.arange(1.0, 11)) == 2 / 2**10 == paired_tests.smallest_p(10)
    assert paired_tests.difference_p(np.arange(1.0, 21)) == 2 / 2**14 == paired_tests.smallest_p(20)


def test_five_pairs_give_no_p():
    assert math.isnan(paired_tests.difference_p([1.0, 2, 3, 4, 5]))


def test_effect_size_and_superiority_count_ties_half():
    effect = Effect({}, pd.Series([0.0, 1, 2, -1]))
    assert effect.superiority == pytest.approx((0.5 + 1 + 1 + 0) / 4)
    assert effect.effect_size == pytest.approx(0.5 / np.std([0, 1, 2, -1], ddof=1))


def test_identical_values_have_no_effect_size_and_no_warning():
    effect = Effect({}, pd.Series([0.0] * 6))
    assert effect.summary.mean == 0
    assert math.isnan(effect.effect_size)
    assert effect.p == 1
    assert Effect({}, pd.Series([0.1] * 6)).p == pytest.approx(2 / 2**6)


def test_halls_transformed_t_of_students_sleep_data():
    """By hand: t / sqrt 10 = 1.2846 of skewness 1.4720 becomes 1.2846 + .8096 + .1701 + .0245 = 2.2888."""
    assert skewed._hall_p(SLEEP, 0.0) == pytest.approx(stats.t.sf(math.sqrt(10) * 2.288819, 9), rel=1e-3)
    assert skewed._hall_p(SLEEP, skewed._hall_bound(SLEEP, 0.025)) == pytest.approx(0.025)


def test_empirical_likelihood_by_its_definition():
    """The largest product of ten weights that sum to one and give the mean .9, by a general optimiser."""
    constraints = [
        {"type": "eq", "fun": lambda weights: weights.sum() - 1},
        {"type": "eq", "fun": lambda weights: weights @ SLEEP - 0.9},
    ]
    best = optimize.minimize(
        lambda weights: -np.log(10 * weights).sum(), np.full(10, 0.1), bounds=[(1e-6, 1)] * 10, constraints=constraints
    )
    assert skewed._owen_p(SLEEP, 0.9) == pytest.approx(stats.f.sf(2 * best.fun * 0.9, 1, 9) / 2, rel=1e-3)


def test_where_nine_of_ten_runs_of_one_loss_fail_the_difference_is_shown():
    """LeNet-5, MSE at five times the rate of cross-entropy: nine fail by some .71, and one trains equally well."""
    d = np.array([0.0, 0.686, 0.6928, 0.7028, 0.7148, 0.7153, 0.7158, 0.7183, 0.7285, 0.735])
    assert paired_tests.difference_p(d) == 4 / 2**10
    low, high = paired_tests.PairedTest(d).interval()
    assert (low, high) == pytest.approx((0.22326, 0.72444), abs=1e-5)
    # Where the other is ahead in the pairs that train, too.
    assert paired_tests.difference_p(d - 0.01) == 4 / 2**10


@pytest.mark.parametrize("draw", ["normal", "skewed", "discrete", "failures"])
def test_the_test_agrees_with_its_interval(draw):
    rng = np.random.default_rng(4)
    for _ in range(50):
        d = {
            "normal": rng.normal(0.6, 1, 10),
            "skewed": rng.chisquare(2, 10) - 1,
            "discrete": rng.integers(-1, 4, 10) / 450,
            "failures": np.where(rng.random(10) < 0.7, 0.7, -0.01) + rng.normal(0, 0.02, 10),
        }[draw]
        low, high = paired_tests.PairedTest(d).interval()
        assert (paired_tests.difference_p(d) < 0.05) == (low > 1e-12 or high < -1e-12)
        assert np.allclose(paired_tests.PairedTest(-d).interval(), (-high, -low))


def test_a_training_that_failed_does_not_drown_nine_pairs_that_agree():
    d = np.array([0.05, 0.04, 0.06, 0.05, 0.04, 0.05, 0.06, 0.05, 0.85, 0.85])
    assert paired_tests.difference_p(d) < 0.02
    # A mean that a single pair makes alone is none.
    assert paired_tests.difference_p([0.85, -0.01, -0.02, -0.01, -0.02, -0.01]) > 0.5


def test_the_variance_of_the_choice_of_rates_widens_interval_and_p():
    effect = Effect({}, pd.Series(SLEEP), choice_variance=0.8)
    wider = 1.58 + (SLEEP - 1.58) * math.sqrt(1 + 0.8 * 10 / SLEEP.var(ddof=1))
    assert wider.var(ddof=1) / 10 == pytest.approx(SLEEP.var(ddof=1) / 10 + 0.8)
    assert (effect.summary.low, effect.summary.high) == pytest.approx(paired_tests.PairedTest(wider).interval())
    assert effect.p == paired_tests.difference_p(wider)
    assert Effect({}, pd.Series(SLEEP)).p < 0.05 < effect.p
    assert paired_tests.difference_p([0.1] * 10, more_variance=0.01) > 0.05  # equal differences are spread out, too


@pytest.mark.parametrize("margin", [1.0, 2.0, 2.5, 3.0])
def test_equivalence_is_the_90_percent_interval_inside_the_margin(margin):
    low, high = paired_tests.PairedTest(SLEEP).interval(0.90)
    inside = -margin < low and high < margin
    assert (paired_tests.equivalence_p(SLEEP, margin) < 0.05) == inside
    assert paired_tests.equivalence_p(-SLEEP, margin) == pytest.approx(paired_tests.equivalence_p(SLEEP, margin))


def test_differences_that_are_all_equal_are_within_the_margin_or_not():
    assert paired_tests.equivalence_p([0.0] * 6, 0.01) == 1 / 2**6
    assert paired_tests.equivalence_p([0.5] * 6, 0.01) == 1


def test_holm_by_hand():
    # .01 x 4, then .02 x 3 and .03 x 2 (both .06, kept monotone), .5 x 1; the NaN is no test.
    found = paired_tests.holm([0.03, 0.01, math.nan, 0.5, 0.02])
    assert found == pytest.approx([0.06, 0.04, math.nan, 0.5, 0.06], nan_ok=True)


def test_first_crossing_is_interpolated():
    assert times.first_crossing([1, 2, 3], [0.5, 0.9, 1.0], 0.95) == pytest.approx(2.5)
    assert times.first_crossing([1, 2, 3], [0.96, 0.9, 1.0], 0.95) == 1
    assert times.first_crossing([1, 2], [0.5, 0.6], 0.95) == math.inf


def test_kaplan_meier_median_with_censored_runs():
    assert times.median_time([2, 4, 6, math.inf], horizon=10) == 4  # half have reached it at 4
    assert times.median_time([2, 4, math.inf, math.inf, math.inf], horizon=10) == math.inf
    assert times.median_time([math.inf] * 3, horizon=10) == math.inf


def product_limit_median(times, horizon):
    """Kaplan and Meier (1958) by their own recipe: one factor for each distinct time, over those still at risk."""
    share = 1.0
    ends = [min(time, horizon) for time in times]
    for at in sorted({time for time in times if time < math.inf}):
        at_risk = sum(end >= at for end in ends)
        share *= 1 - sum(time == at for time in times) / at_risk
        if share <= 0.5 + 1e-12:
            return at
    return math.inf


def test_kaplan_meier_median_against_the_product_limit_by_hand():
    rng = np.random.default_rng(3)
    for _ in range(300):
        drawn = rng.integers(1, 12, rng.integers(1, 15)).astype(float)  # ties
        drawn[rng.random(len(drawn)) < rng.random()] = math.inf
        assert times.median_time(drawn, horizon=12) == product_limit_median(drawn, 12)


def test_power_against_a_simulation():
    rng = np.random.default_rng(0)
    d = rng.normal(1.0, 1.0, (10, 20_000))
    t = d.mean(axis=0) / (d.std(axis=0, ddof=1) / np.sqrt(10))
    simulated = np.mean(t > stats.t.ppf(0.975, 9))
    assert power.power(1.0, 10) == pytest.approx(simulated, abs=0.01)


def test_detectable_difference_has_80_percent_power():
    difference = power.detectable_difference(0.02, 10)
    assert power.power(difference / 0.02, 10) == pytest.approx(0.8)
    assert power.detectable_difference(0.02, 5) == math.inf


@pytest.mark.parametrize("n", [7, 10, 14])
def test_the_detectable_difference_is_detected_in_about_80_percent(n):
    rng = np.random.default_rng(n)
    d = rng.normal(power.detectable_difference(0.02, n), 0.02, (n, 2_000))
    found = np.mean((sign_flip_p(d) < 0.05) & (d.mean(axis=0) > 0))
    # The exact test of 7 pairs, whose p comes in steps of 1/64, has a little less power than the t test.
    assert 0.74 <= found <= 0.83


def test_no_difference_is_found_significant_in_at_most_5_percent():
    rng = np.random.default_rng(1)
    p = sign_flip_p(rng.standard_t(3, (10, 1_000)))
    assert np.mean(p < 0.05) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1_000)


def test_a_large_difference_is_found_as_often_as_computed():
    rng = np.random.default_rng(2)
    p = sign_flip_p(rng.normal(1.2, 1.0, (10, 1_000)))
    assert np.mean(p < 0.05) == pytest.approx(power.power(1.2, 10), abs=0.04)
