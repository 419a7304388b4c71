"""What every run is scored on, whatever it was trained on. NumPy in, float64 throughout.

Conventions: natural logarithms (nats); Brier summed over classes; calibration error over 15 equal-width bins of the
confidence, which is the largest probability of an example.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

_LARGEST_TEMPERATURE = 1e4

# Upper edges of the bins of p_true, the probability that a network gives the true class: fine where it is wrong.
P_TRUE_EDGES = (1e-4, 1e-3, 1e-2, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99, 1.0)


class Reliability(NamedTuple):
    """A reliability diagram's numbers, one entry per bin; NaN where a bin is empty.

    Attributes:
        count: examples in the bin.
        confidence: their mean confidence.
        accuracy: the share of them classified correctly.
    """

    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


def accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of examples whose most probable class (the first of equals) is the label.

    Args:
        labels: class ids of shape (N,).
        probabilities: shape (N, K).

    Raises:
        ValueError: shapes that don't fit, no examples, or labels outside 0 to K - 1. All functions here do so.
    """
    labels, probabilities = _checked(labels, probabilities)
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of examples classified wrongly: 1 - ``accuracy``."""
    labels, probabilities = _checked(labels, probabilities)
    return float(np.mean(probabilities.argmax(axis=1) != labels))


def nll(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean negative log-likelihood of the labels, in nats; inf when a label was given probability 0."""
    labels, probabilities = _checked(labels, probabilities)
    with np.errstate(divide="ignore"):
        return float(-np.log(_of_label(labels, probabilities)).mean())


def brier(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Squared distance of the probabilities to the one-hot label, summed over classes, mean over examples.

    From 0 to 2 (Brier 1950, "Verification of forecasts expressed in terms of probability").
    """
    labels, probabilities = _checked(labels, probabilities)
    one_hot = np.arange(probabilities.shape[1]) == labels[:, np.newaxis]
    return float(np.square(probabilities - one_hot).sum(axis=1).mean())


def mse_mean(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over classes instead of the sum: ``brier`` over K, what Keras calls the mean squared error."""
    return brier(labels, probabilities) / np.shape(probabilities)[1]


def reliability(labels: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> Reliability:
    """Confidence against accuracy in equal-width bins ((m - 1) / bins, m / bins].

    Source: Guo et al. 2017, "On calibration of modern neural networks", arXiv 1706.04599, section 2.

    Args:
        labels: class ids of shape (N,).
        probabilities: shape (N, K).
        bins: number of bins over confidences from 0 to 1.
    """
    labels, probabilities = _checked(labels, probabilities)
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    inner_edges = np.linspace(0.0, 1.0, bins + 1)[1:-1]
    bin_of = np.searchsorted(inner_edges, confidence, side="left")
    count = np.bincount(bin_of, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            count,
            np.bincount(bin_of, weights=confidence, minlength=bins) / count,
            np.bincount(bin_of, weights=correct, minlength=bins) / count,
        )


def ece(labels: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: the mean over examples of |accuracy - confidence| of their bin.

    Source: Guo et al. 2017, arXiv 1706.04599, equation 3.
    """
    table = reliability(labels, probabilities, bins)
    gap = np.abs(table.accuracy - table.confidence)
    return float(np.nansum(table.count * gap) / table.count.sum())


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """The temperature T for which softmax(logits / T) has the least NLL; fitted on the validation split.

    Source: temperature scaling, Guo et al. 2017, arXiv 1706.04599, section 4.2. The NLL has a single minimum in
    log T. Where every label has the largest logit it falls towards T = 0; T stays within 1e-4 and 1e4.

    Args:
        labels: class ids of shape (N,).
        logits: shape (N, K).
    """
    labels, logits = _checked(labels, logits)
    bound = np.log(_LARGEST_TEMPERATURE)
    fit = minimize_scalar(
        lambda log_temperature: _nll_of_logits(labels, logits / np.exp(log_temperature)),
        bounds=(-bound, bound),
        method="bounded",
        options={"xatol": 1e-8},
    )
    return float(np.exp(fit.x))


def score(labels: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """Every metric of softmax(logits).

    The NLL is taken from the logits, where a probability too small for a float still has its logarithm.

    Args:
        labels: class ids of shape (N,).
        logits: shape (N, K).

    Returns:
        ``accuracy``, ``error``, ``nll`` (nats), ``brier``, ``mse_mean`` and ``ece``.
    """
    labels, logits = _checked(labels, logits)
    probabilities = softmax(logits, axis=1)
    return {
        "accuracy": accuracy(labels, probabilities),
        "error": error(labels, probabilities),
        "nll": _nll_of_logits(labels, logits),
        "brier": brier(labels, probabilities),
        "mse_mean": mse_mean(labels, probabilities),
        "ece": ece(labels, probabilities),
    }


def _nll_of_logits(labels: np.ndarray, logits: np.ndarray) -> float:
    return float(-_of_label(labels, log_softmax(logits, axis=1)).mean())


def _of_label(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    return values[np.arange(len(labels)), labels]


def _checked(labels: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labels, values = np.asarray(labels), np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or labels.shape != values.shape[:1] or not len(labels):
        raise ValueError(
            f"labels of shape {labels.shape} and values of shape {values.shape}; expected (N,) and (N, K), N > 0"
        )
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= values.shape[1]:
        raise ValueError(f"labels must be integers from 0 to {values.shape[1] - 1}")
    return labels, values
