"""All metrics of a network at once, from its logits."""

from __future__ import annotations

from numpy.typing import ArrayLike
from scipy.special import softmax

from ce_harness.metrics.calibration import reliability
from ce_harness.metrics.checks import checked
from ce_harness.metrics.classes import accuracy, balanced_accuracy, error
from ce_harness.metrics.probabilities import brier
from ce_harness.metrics.temperature import nll_of_logits

METRICS = ("accuracy", "error", "balanced_accuracy", "nll", "brier", "mse_mean", "ece", "ece_debiased", "ece_floor")


def score(labels: ArrayLike, logits: ArrayLike) -> dict[str, float]:
    """Every metric of softmax(logits).

    The NLL is taken from the logits, where a probability too small for a float still has its logarithm.

    Args:
        labels: class ids of shape (N,).
        logits: shape (N, K).

    Returns:
        By the names in ``METRICS``; ``nll`` is in nats.

    Raises:
        ValueError: shapes that don't fit, no examples, logits that are not finite, or labels that are no integers
            from 0 to K - 1.
    """
    ids, values = checked(labels, logits, "logits")
    probabilities = softmax(values, axis=1)
    summed = brier(ids, probabilities)
    table = reliability(ids, probabilities)
    return {
        "accuracy": accuracy(ids, probabilities),
        "error": error(ids, probabilities),
        "balanced_accuracy": balanced_accuracy(ids, probabilities),
        "nll": nll_of_logits(ids, values),
        "brier": summed,
        "mse_mean": summed / values.shape[1],
        "ece": table.ece,
        "ece_debiased": table.ece_debiased,
        "ece_floor": table.ece_floor,
    }
