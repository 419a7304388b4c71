"""Temperature scaling: what of the negative log-likelihood a single factor on the logits would mend."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from ce_harness.metrics.checks import checked

_LARGEST_TEMPERATURE = 1e4


class NllParts(NamedTuple):
    """The NLL as a sum of two parts, in nats.

    Attributes:
        refinement: the NLL at the fitted temperature: how well the classes are told apart.
        calibration: the rest, what the temperature mends; below 0 where it does harm on other examples.
        at_bound: whether the temperature is at its bound. Then the parts say nothing.
    """

    refinement: float
    calibration: float
    at_bound: bool


def fit_temperature(labels: ArrayLike, logits: ArrayLike) -> float:
    """The temperature T for which softmax(logits / T) has the least NLL; fitted on the validation split.

    Source: temperature scaling, Guo et al. 2017, arXiv 1706.04599, section 4.2. The NLL has a single minimum in
    log T. T stays within 1e-4 and 1e4; where every label has the largest logit, the NLL falls towards T = 0, and T is
    1e-4.

    Args:
        labels: class ids of shape (N,).
        logits: shape (N, K).

    Raises:
        ValueError: shapes that don't fit, no examples, logits that are not finite, or labels that are no integers
            from 0 to K - 1.
    """
    ids, values = checked(labels, logits, "logits")
    others = np.where(np.arange(values.shape[1]) == ids[:, np.newaxis], -np.inf, values).max(axis=1)
    if (values[np.arange(len(ids)), ids] > others).all():  # the NLL underflows long before the bound, and is flat there
        return 1 / _LARGEST_TEMPERATURE
    bound = np.log(_LARGEST_TEMPERATURE)
    fit = minimize_scalar(
        lambda log_temperature: nll_of_logits(ids, values / np.exp(log_temperature)),
        bounds=(-bound, bound),
        method="bounded",
        options={"xatol": 1e-8},
    )
    return float(np.exp(fit.x))


def at_bound(temperature: ArrayLike) -> NDArray[np.bool_]:
    """Whether a fitted temperature lies at a bound of `fit_temperature`: there is no best one within reach.

    At 1e4 the calibrated prediction is uniform, at 1e-4 it is sure of its choice.
    """
    near: NDArray[np.bool_] = np.abs(np.log(temperature)) > np.log(_LARGEST_TEMPERATURE) - 0.01
    return near


def split_nll(labels: ArrayLike, logits: ArrayLike, temperature: float) -> NllParts:
    """The NLL of softmax(logits), split by temperature scaling into refinement and calibration.

    Source: Berta, Holzmueller, Jordan & Bach 2025, "Rethinking early stopping: refine, then calibrate",
    arXiv 2501.19195. Of all recalibrations it is the one with a single parameter, so that the refinement is an upper
    bound.

    Args:
        labels: class ids of shape (N,).
        logits: shape (N, K).
        temperature: by `fit_temperature` on other examples.

    Raises:
        ValueError: what `fit_temperature` refuses, or a temperature that is not positive.
    """
    ids, values = checked(labels, logits, "logits")
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    refinement = nll_of_logits(ids, values / temperature)
    return NllParts(refinement, nll_of_logits(ids, values) - refinement, bool(at_bound(temperature)))


def nll_of_logits(labels: NDArray[np.integer], logits: NDArray[np.float64]) -> float:
    """The mean NLL of softmax(logits), also where a probability is too small for a float."""
    return float(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())
