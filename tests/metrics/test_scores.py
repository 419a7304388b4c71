"""Scores of classes and probabilities, against hand-worked numbers and scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, brier_score_loss, confusion_matrix, log_loss

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
        {
            "accuracy": 0.1,
            "error": 0.9,
            "balanced_accuracy": 0.1,
            "nll": np.log(10),
            "brier": 0.9,
            "mse_mean": 0.09,
            "ece": 0.0,
            "ece_debiased": -np.sqrt(0.1 * 0.9 / 10) * np.sqrt(2 / np.pi),
            "ece_floor": 2 * 0.1 * 0.9 * 9 * 0.1 * 0.9**8,
        }
    )


def test_agrees_with_scikit_learn():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(200, 7)) * 3
    labels = generator.integers(7, size=200)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    scores = metrics.score(labels, logits)
    assert scores["accuracy"] == accuracy_score(labels, probabilities.argmax(axis=1))
    assert scores["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, probabilities.argmax(axis=1)))
    np.testing.assert_array_equal(
        metrics.confusion_matrix(labels, logits), confusion_matrix(labels, probabilities.argmax(axis=1))
    )
    assert scores["nll"] == pytest.approx(log_loss(labels, probabilities, labels=range(7)), rel=1e-12)
    assert scores["brier"] == pytest.approx(
        brier_score_loss(labels, probabilities, labels=range(7), scale_by_half=False), rel=1e-12
    )


def test_nll_of_logits_beyond_what_exp_can_hold():
    assert metrics.score(np.array([0]), np.array([[-1e4, 1e4]]))["nll"] == 2e4
    assert metrics.nll(np.array([0]), np.array([[0.0, 1.0]])) == np.inf


def test_unequal_classes_worked_by_hand():
    """Three of the first class, two right; one of the second, wrong; none of the third."""
    labels, chosen = np.array([0, 0, 0, 1]), np.eye(3)[[0, 0, 2, 0]]
    np.testing.assert_array_equal(metrics.confusion_matrix(labels, chosen), [[2, 0, 1], [1, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(metrics.per_class_accuracy(labels, chosen), [2 / 3, 0, np.nan])
    assert metrics.balanced_accuracy(labels, chosen) == pytest.approx(1 / 3)
    assert metrics.accuracy(labels, chosen) == 0.5


def test_a_constant_answer_has_a_balanced_accuracy_of_chance():
    labels = np.repeat([0, 1, 2, 3], [97, 1, 1, 1])
    always_first = np.tile([1.0, 0, 0, 0], (100, 1))
    assert metrics.accuracy(labels, always_first) == 0.97
    assert metrics.balanced_accuracy(labels, always_first) == 0.25
