"""Calibration errors, by hand and by simulation; temperature scaling."""

import numpy as np
import pytest
from scipy.special import softmax

from ce_harness import metrics


def test_calibration_error_worked_by_hand():
    # Bins of 0.2: two at 0.65 of which one is right, two at 0.95 of which one is right.
    probabilities = np.array([[0.65, 0.35], [0.65, 0.35], [0.95, 0.05], [0.95, 0.05]])
    labels = np.array([0, 1, 0, 1])
    table = metrics.reliability(labels, probabilities, bins=5)
    np.testing.assert_array_equal(table.count, [0, 0, 0, 2, 2])
    np.testing.assert_allclose(table.confidence, [np.nan, np.nan, np.nan, 0.65, 0.95])
    np.testing.assert_allclose(table.accuracy, [np.nan, np.nan, np.nan, 0.5, 0.5])
    assert metrics.ece(labels, probabilities, bins=5) == pytest.approx((0.15 + 0.45) / 2)


def test_a_confidence_on_an_edge_is_in_the_lower_bin_and_one_is_in_the_last():
    probabilities = np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]])
    np.testing.assert_array_equal(metrics.reliability([0, 0], probabilities, bins=4).count, [0, 1, 0, 1])


def test_the_floor_is_the_mean_deviation_of_a_binomial_count():
    """Two examples at .75: none, one or both right, off by 1.5, .5 and .5 with probabilities 1/16, 6/16 and 9/16."""
    probabilities = np.array([[0.75, 0.25]] * 2)
    expected = (1.5 * 1 / 16 + 0.5 * 6 / 16 + 0.5 * 9 / 16) / 2
    assert metrics.ece_floor([0, 1], probabilities) == pytest.approx(expected)
    assert metrics.ece_floor([0, 0], np.eye(2)[[0, 0]]) == 0


def test_debiasing_takes_off_what_scatter_adds():
    """Half of four right at .9: gap .4, standard error .25; the mean of |normal(.4, .25)| is .4049."""
    probabilities = np.array([[0.9, 0.1]] * 4)
    assert metrics.ece([0, 0, 1, 1], probabilities) == pytest.approx(0.4)
    drawn = np.abs(np.random.default_rng(0).normal(0.4, 0.25, 1_000_000)).mean()
    assert metrics.ece_debiased([0, 0, 1, 1], probabilities) == pytest.approx(2 * 0.4 - drawn, abs=1e-3)


@pytest.fixture(scope="module")
def simulated():
    """Of 200 draws of 450 labels: ECE, its debiased estimate and its floor, where T = 1 or T = 2 would be right."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(450, 10)) * 3
    seen = {}
    for right in (1, 2):
        labels = [(logits / right + generator.gumbel(size=logits.shape)).argmax(axis=1) for _ in range(200)]
        tables = [metrics.reliability(ids, softmax(logits, axis=1)) for ids in labels]
        seen[right] = np.array([(table.ece, table.ece_debiased, table.ece_floor) for table in tables]).mean(axis=0)
        many = metrics.reliability(np.concatenate(labels), np.tile(softmax(logits, axis=1), (200, 1)))
        seen[right] = np.append(seen[right], many.ece)
    return seen


def test_a_calibrated_network_has_the_floor_for_its_ece(simulated):
    ece, debiased, floor, truth = simulated[1]
    assert truth < 0.01
    assert ece == pytest.approx(floor, rel=0.05)
    assert debiased < 0.65 * ece


def test_a_miscalibrated_networks_debiased_ece_is_nearer_the_truth(simulated):
    ece, debiased, _, truth = simulated[2]
    assert truth == pytest.approx(0.22, abs=0.02)
    assert abs(debiased - truth) < abs(ece - truth)


def test_fitted_temperature_undoes_overconfidence():
    # 3 of 4 right at equal logit gaps g: the best T makes the confidence 3/4, that is g / T = ln 3.
    logits = np.array([[8.0, 0.0]] * 4)
    labels = np.array([0, 0, 0, 1])
    temperature = metrics.fit_temperature(labels, logits)
    assert temperature == pytest.approx(8 / np.log(3), rel=1e-6)
    assert metrics.score(labels, logits / temperature)["ece"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("scale", [1e-2, 1.0, 1e2])
def test_fitted_temperature_follows_the_scale_of_the_logits(scale):
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(500, 5))
    labels = (logits + generator.gumbel(size=logits.shape)).argmax(axis=1)
    reference = metrics.fit_temperature(labels, logits)
    assert reference == pytest.approx(1, abs=0.15)
    assert metrics.fit_temperature(labels, logits * scale) == pytest.approx(reference * scale, rel=1e-5)


def test_the_nll_is_what_the_temperature_mends_and_the_rest():
    """3 of 4 right at a gap of 8: the best T makes the confidence 3/4, whose entropy is left."""
    logits, labels = np.array([[8.0, 0.0]] * 4), np.array([0, 0, 0, 1])
    parts = metrics.split_nll(labels, logits, metrics.fit_temperature(labels, logits))
    assert parts.refinement == pytest.approx(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert parts.refinement + parts.calibration == pytest.approx(metrics.score(labels, logits)["nll"])
    assert not parts.at_bound


@pytest.mark.parametrize("labels", [[0, 0], [1, 1]])
def test_a_temperature_at_its_bound_is_flagged(labels):
    """All right: the surer the better. All wrong: the less sure the better."""
    logits = np.array([[1.0, 0.0], [3.0, 0.0]])
    temperature = metrics.fit_temperature(labels, logits)
    assert temperature == pytest.approx(1e-4 if labels[0] == 0 else 1e4, rel=1e-2)
    assert metrics.at_bound(temperature)
    assert metrics.split_nll(labels, logits, temperature).at_bound
    np.testing.assert_array_equal(metrics.at_bound([1.0, 0.01, temperature]), [False, False, True])
