"""Metrics, against hand-worked numbers and scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss

from ce_harness import metrics

# Three images and two classes, seen by two networks that err on the same image.
LABELS = np.array([0, 1, 0])
SURE = np.array([[0.9, 0.1], [0.1, 0.9], [0.4, 0.6]])
UNSURE = np.array([[0.6, 0.4], [0.3, 0.7], [0.1, 0.9]])


@pytest.mark.parametrize(
    ("probabilities", "nll", "brier", "mse_mean"),
    [(SURE, 0.375671, 0.253333, 0.126667), (UNSURE, 1.056695, 0.706667, 0.353333)],
)
def test_equal_error_but_different_confidence(probabilities, nll, brier, mse_mean):
    assert metrics.error(LABELS, probabilities) == pytest.approx(1 / 3)
    assert metrics.nll(LABELS, probabilities) == pytest.approx(nll, abs=5e-7)
    assert metrics.brier(LABELS, probabilities) == pytest.approx(brier, abs=5e-7)
    assert metrics.mse_mean(LABELS, probabilities) == pytest.approx(mse_mean, abs=5e-7)


def test_a_fresh_ten_class_model():
    scores = metrics.score(np.arange(10), np.zeros((10, 10), dtype=np.float32))
    assert scores == pytest.approx(
        {"accuracy": 0.1, "error": 0.9, "nll": np.log(10), "brier": 0.9, "mse_mean": 0.09, "ece": 0.0}
    )


def test_agrees_with_scikit_learn():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(200, 7)) * 3
    labels = generator.integers(7, size=200)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    scores = metrics.score(labels, logits)
    assert scores["accuracy"] == accuracy_score(labels, probabilities.argmax(axis=1))
    assert scores["nll"] == pytest.approx(log_loss(labels, probabilities, labels=range(7)), rel=1e-12)
    assert scores["brier"] == pytest.approx(
        brier_score_loss(labels, probabilities, labels=range(7), scale_by_half=False), rel=1e-12
    )


def test_nll_of_logits_beyond_what_exp_can_hold():
    assert metrics.score(np.array([0]), np.array([[-1e4, 1e4]]))["nll"] == 2e4
    assert metrics.nll(np.array([0]), np.array([[0.0, 1.0]])) == np.inf


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


@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [
        ([[0], [1]], np.full((2, 2), 0.5)),
        ([0, 1, 1], np.full((2, 2), 0.5)),
        ([0, 2], np.full((2, 2), 0.5)),
        ([0, -1], np.full((2, 2), 0.5)),
        ([0.0, 1.0], np.full((2, 2), 0.5)),
        (np.zeros(0, int), np.zeros((0, 2))),
    ],
    ids=["column", "unequal-length", "too-large", "negative", "float", "empty"],
)
def test_refuses_what_would_broadcast_or_wrap(labels, probabilities):
    with pytest.raises(ValueError, match="labels"):
        metrics.brier(labels, probabilities)
