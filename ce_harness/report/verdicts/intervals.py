"""The mean of repeated runs with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class Summary:
    """Mean of n values with its two-sided 95% Student t interval; the bounds are NaN when n < 2."""

    n: int
    mean: float
    sd: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


def summarize(values: ArrayLike, confidence: float = 0.95, more_variance: float = 0.0) -> Summary:
    """Mean, standard deviation (n - 1) and t interval of values of shape (n,); only the mean if one is infinite.

    Args:
        more_variance: what the values do not show of the variance of their mean, such as that of a tuned rate.
    """
    values = np.asarray(values, dtype=float)
    n = len(values)
    mean = float(values.mean()) if n else math.nan
    if not np.isfinite(values).all():
        return Summary(n, mean, math.nan, math.nan, math.nan)
    sd = float(values.std(ddof=1)) if n > 1 else math.nan
    error = math.sqrt(sd**2 / n + more_variance) if n > 1 else math.nan
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error if n > 1 else math.nan
    return Summary(n, mean, sd, mean - half, mean + half)
