"""All metrics of a network at once, from its logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial

from numpy.typing import ArrayLike
from scipy.special import softmax

from ce_harness.metrics.calibration import reliability
from ce_harness.metrics.checks import checked
from ce_harness.metrics.classes import accuracy, balanced_accuracy, error
from ce_harness.metrics.probabilities import brier
from ce_harness.metrics.temperature import nll_of_logits

METRICS = ("accuracy", "error", "balanced_accuracy", "nll", "brier", "mse_mean", "ece", "ece_debiased", "ece_floor")


def score(labels: ArrayLike, logits: ArrayLike, names: Sequence[str] = METRICS) -> dict[str, float]:
    """Metrics of softmax(logits).

    The NLL is taken from the logits, where a probability too small for a float still has its logarithm.

    Args:
        labels: class ids of shape (N,).
        logits: shape (N, K).
        names: which of ``METRICS``; all of them unless told.

    Returns:
        By these names; ``nll`` is in nats.

    Raises:
        ValueError: shapes that don't fit, no examples, logits that are not finite, or labels that are no integers
            from 0 to K - 1.
    """
    ids, values = checked(labels, logits, "logits")
    probabilities = softmax(values, axis=1)
    table = cache(partial(reliability, ids, probabilities))
    metrics: dict[str, Callable[[], float]] = {
        "accuracy": lambda: accuracy(ids, probabilities),
        "error": lambda: error(ids, probabilities),
        "balanced_accuracy": lambda: balanced_accuracy(ids, probabilities),
        "nll": lambda: nll_of_logits(ids, values),
        "brier": lambda: brier(ids, probabilities),
        "mse_mean": lambda: brier(ids, probabilities) / values.shape[1],
        "ece": lambda: table().ece,
        "ece_debiased": lambda: table().ece_debiased,
        "ece_floor": lambda: table().ece_floor,
    }
    return {name: metrics[name]() for name in names}
