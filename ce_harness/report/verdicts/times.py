"""Times until a target is reached, of runs some of which never get there."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


def first_crossing(epochs: ArrayLike, values: ArrayLike, target: float) -> float:
    """The epoch at which a series first reaches the target, linear between evaluations; inf if it never does.

    Before the first evaluation nothing is known, so a series that starts above the target reaches it there.
    """
    epochs, values = np.asarray(epochs, dtype=float), np.asarray(values, dtype=float)
    reached = np.flatnonzero(values >= target)
    if not len(reached):
        return math.inf
    i = reached[0]
    if i == 0:
        return float(epochs[0])
    share = (target - values[i - 1]) / (values[i] - values[i - 1])
    return float(epochs[i - 1] + share * (epochs[i] - epochs[i - 1]))


def survival(times: ArrayLike, horizon: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Kaplan-Meier estimate of the share of runs still below the target, at the times where it drops.

    Args:
        times: shape (n,); inf where the run ended, at ``horizon``, without reaching the target.
        horizon: the last epoch, where such runs are censored.

    Returns:
        (times, shares), both of shape (m,); the share is 1 before the first time.
    """
    times = np.asarray(times, dtype=float)
    reached = np.isfinite(times)
    if not reached.any():
        return np.empty(0), np.empty(0)
    right = np.full((~reached).sum(), horizon)
    curve = stats.ecdf(stats.CensoredData(uncensored=times[reached], right=right)).sf
    return curve.quantiles, curve.probabilities


def median_time(times: ArrayLike, horizon: float) -> float:
    """Kaplan-Meier median time; inf when more than half of the runs never reach the target."""
    at, share = survival(times, horizon)
    passed = at[share <= 0.5 + 1e-12]
    return float(passed[0]) if len(passed) else math.inf
