"""What is no label, logit or probability is refused by every metric."""

import numpy as np
import pytest

from ce_harness import metrics

OF_PROBABILITIES = (
    metrics.nll,
    metrics.brier,
    metrics.mse_mean,
    metrics.ece,
    metrics.ece_debiased,
    metrics.reliability,
)
OF_CHOICES = (metrics.accuracy, metrics.error, metrics.confusion_matrix, metrics.balanced_accuracy)
OF_LOGITS = (metrics.score, metrics.fit_temperature)


@pytest.mark.parametrize("metric", [*OF_PROBABILITIES, *OF_CHOICES, *OF_LOGITS], ids=lambda metric: metric.__name__)
@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [
        ([[0], [1]], np.full((2, 2), 0.5)),
        ([0, 1, 1], np.full((2, 2), 0.5)),
        ([0, 2], np.full((2, 2), 0.5)),
        ([0, -1], np.full((2, 2), 0.5)),
        ([0.0, 1.0], np.full((2, 2), 0.5)),
        ([True, False], np.full((2, 2), 0.5)),
        (np.zeros(0, int), np.zeros((0, 2))),
    ],
    ids=["column", "unequal-length", "too-large", "negative", "float", "bool", "empty"],
)
def test_refuses_what_would_broadcast_or_wrap(metric, labels, probabilities):
    with pytest.raises(ValueError, match="labels"):
        metric(labels, probabilities)


@pytest.mark.parametrize("metric", [*OF_PROBABILITIES, *OF_CHOICES, *OF_LOGITS], ids=lambda metric: metric.__name__)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_refuses_values_that_are_not_finite(metric, value):
    with pytest.raises(ValueError, match="finite; 1 of 2 examples have others, first 1"):
        metric([0, 1], [[0.5, 0.5], [0.5, value]])


@pytest.mark.parametrize("metric", OF_PROBABILITIES, ids=lambda metric: metric.__name__)
@pytest.mark.parametrize(
    ("row", "message"),
    [([2.0, -1.0], "between 0 and 1, got -1 to 2"), ([0.5, 0.4], "sum to 1 over the classes, got sums of 0.9")],
    ids=["logits", "unnormalised"],
)
def test_refuses_logits_where_probabilities_are_asked_for(metric, row, message):
    with pytest.raises(ValueError, match=message):
        metric([0, 1], [row, [0.5, 0.5]])


@pytest.mark.parametrize("values", [np.array([["1", "0"]]), np.array([[1j, 0]]), np.array([[True, False]])])
def test_refuses_what_is_no_real_number(values):
    with pytest.raises(ValueError, match="must be real numbers, got"):
        metrics.score([0], values)
