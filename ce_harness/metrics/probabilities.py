"""Scores of probabilities: negative log-likelihood, Brier score."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ce_harness.metrics.checks import checked_probabilities


def nll(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean negative log-likelihood of the labels, in nats; inf when a label was given probability 0.

    Args:
        labels: class ids of shape (N,).
        probabilities: shape (N, K), each row summing to 1.

    Raises:
        ValueError: values that are no probabilities, or what `accuracy` refuses. All functions here do so.
    """
    ids, values = checked_probabilities(labels, probabilities)
    with np.errstate(divide="ignore"):
        return float(-np.log(values[np.arange(len(ids)), ids]).mean())


def brier(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Squared distance of the probabilities to the one-hot label, summed over classes, mean over examples.

    From 0 to 2 (Brier 1950, "Verification of forecasts expressed in terms of probability").
    """
    ids, values = checked_probabilities(labels, probabilities)
    one_hot = np.arange(values.shape[1]) == ids[:, np.newaxis]
    return float(np.square(values - one_hot).sum(axis=1).mean())


def mse_mean(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean over classes instead of the sum: ``brier`` over K, what Keras calls the mean squared error."""
    return brier(labels, probabilities) / int(np.shape(probabilities)[1])
