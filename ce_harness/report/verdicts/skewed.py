"""Of differences that are skewed: is their mean above a value, and what does it lie above.

Such are those of a loss that fails now and then. Two methods, because each fails where the other does not.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Values = NDArray[np.float64]

# Empirical likelihood calls too many of few pairs different, so it has to be surer by this factor.
STRICTER = 10
FARTHEST = 40.0  # of the logarithms between which the weights' parameter is sought
PRECISE = 1e-15  # of that parameter, so that a bound is the same on every processor


def p_above(d: Values, value: float) -> float:
    """One-sided p that the mean is no larger than a value: the smaller of Hall's, and ten times Owen's.

    Args:
        d: shape (n,), not all equal; their mean is larger than the value.
    """
    return min(_hall_p(d, value), STRICTER * _owen_p(d, value))


def lower_bound(d: Values, alpha: float) -> float:
    """The value at which ``p_above`` is alpha."""
    return max(_hall_bound(d, alpha), _owen_bound(d, alpha / STRICTER))


def _hall_p(d: Values, value: float) -> float:
    """Student's t, transformed so that it is no longer skewed (Hall 1992, J. R. Statist. Soc. B 54, 221-228).

    It asks what a distribution of this shape, moved to the value, would do.
    """
    n, skewness = len(d), _skewness(d)
    t = (float(d.mean()) - value) / float(d.std(ddof=1))
    transformed = t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / (6 * n)
    return float(special.stdtr(n - 1, -math.sqrt(n) * transformed))


def _hall_bound(d: Values, alpha: float) -> float:
    n, skewness = len(d), _skewness(d)
    t = _quantile(n, alpha) / math.sqrt(n) - skewness / (6 * n)
    if abs(skewness) > 1e-6:
        t = 3 / skewness * (float(np.cbrt(1 + skewness * t)) - 1)
    return float(d.mean()) - t * float(d.std(ddof=1))


def _skewness(d: Values) -> float:
    return float(np.mean((d - d.mean()) ** 3) / d.std() ** 3)


def _owen_p(d: Values, value: float) -> float:
    """Empirical likelihood (Owen 1988): how unlike must the differences be weighted for their mean to be the value.

    It moves no difference to where none was seen. So nine failures of one loss in ten pairs are no sign that the other
    may fail. 0 if all differences are larger than the value. Minus twice the log likelihood ratio has the distribution
    of F on 1 and n - 1 degrees of freedom (Owen 1990). Its signed root is t.
    """
    if _mean(d, -FARTHEST) >= value:
        return 0.0
    if _mean(d, FARTHEST) <= value:  # but for rounding
        return 0.5
    n, s = len(d), optimize.brentq(lambda s: _mean(d, s) - value, -FARTHEST, FARTHEST, xtol=PRECISE)
    return float(special.stdtr(n - 1, -math.sqrt(_deviance(d, s) * (n - 1) / n)))


def _owen_bound(d: Values, alpha: float) -> float:
    n = len(d)
    critical = _quantile(n, alpha) ** 2 * n / (n - 1)
    return _mean(d, optimize.brentq(lambda s: _deviance(d, s) - critical, -FARTHEST, FARTHEST, xtol=PRECISE))


def _deviance(d: Values, s: float) -> float:
    return max(-2 * float(np.log(len(d) * _weights(d, s)).sum()), 0.0)


def _mean(d: Values, s: float) -> float:
    return float(_weights(d, s) @ d)


def _weights(d: Values, s: float) -> Values:
    """The likeliest weights of a mean below that of equal ones: from all on the smallest (s small) to equal."""
    above = d - d.min()
    weights = 1 / (above / above.max() + math.exp(s))
    return np.asarray(weights / weights.sum())


def _quantile(n: int, alpha: float) -> float:
    """What t on n - 1 degrees of freedom exceeds with probability alpha."""
    return -float(special.stdtrit(n - 1, alpha))
