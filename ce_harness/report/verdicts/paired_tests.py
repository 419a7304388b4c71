"""One test of the mean of paired differences: is it zero, is it within a margin, and between which values it lies.

Everything takes plain arrays with one difference per seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ce_harness.report.verdicts import skewed
from ce_harness.report.verdicts.intervals import Summary, summarize

ALPHA = 0.05
MIN_PAIRS = 6  # 5 can't go below p = .0625, 6 reach .03125
# The means of all 2^n - 1 subsets are taken up to 14 pairs; beyond that of as many subsets, drawn.
MOST_ENUMERATED = 14
MOST_FLOATS = 2**22  # of 8 bytes, made at once


class PairedTest:
    """What n differences say of their mean.

    The one-sided p that the mean is no larger than a value is the larger of two:

    - that of the sign flips (Fisher 1935), exact for differences that are symmetric, heavy tails and ties included;
    - that of ``skewed.p_above``, for differences that are not, such as those of a loss that fails now and then.

    Everything else follows: the two-sided p of zero, an interval of the values that are not rejected, and equivalence.
    """

    def __init__(self, differences: ArrayLike, more_variance: float = 0.0) -> None:
        """Args:
        differences: shape (n,), finite, n > 0.
        more_variance: what they do not show of the variance of their mean, such as that of a tuned rate. They are
            spread out about their mean until they do.
        """
        d = np.asarray(differences, dtype=float)
        self._values = _spread(d, more_variance) if more_variance > 0 else d
        self._rounding = 1e-12 * float(np.abs(d).max())
        self._means = np.sort(subset_means(self._values))

    def p_of_zero(self) -> float:
        """Two-sided p of a zero mean."""
        mean = float(self._values.mean())
        if abs(mean) <= self._rounding:
            return 1.0
        return min(1.0, 2 * (self.p_above(0.0) if mean > 0 else self.p_below(0.0)))

    def p_above(self, value: float) -> float:
        """One-sided p that the mean is no larger than a value."""
        return self._p(value, 1)

    def p_below(self, value: float) -> float:
        """One-sided p that the mean is no smaller than a value."""
        return self._p(value, -1)

    def p_outside(self, margin: float) -> float:
        """p that the mean does not lie within +-margin, by two one-sided tests (Schuirmann 1987)."""
        return max(self.p_above(-margin), self.p_below(margin))

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """The values that are not rejected; infinite where so few pairs reject none."""
        alpha = (1 - confidence) / 2
        return self._bound(alpha, 1), -self._bound(alpha, -1)

    def _p(self, value: float, side: int) -> float:
        d, value = side * self._values, side * value
        if d.mean() <= value + self._rounding:
            return 1.0
        means = self._means if side > 0 else -self._means
        # A subset's mean lies below the value just where flipping its signs makes the sum of d - value no smaller.
        flips = (1 + np.count_nonzero(means <= value + self._rounding)) / (len(means) + 1)
        return max(float(flips), 0.0 if self._are_equal() else skewed.p_above(d, value))

    def _bound(self, alpha: float, side: int) -> float:
        below = math.ceil(alpha * (len(self._means) + 1) - 1) - 1  # so many means may lie below a value rejected
        if below < 0:
            return -math.inf
        means = self._means if side > 0 else -self._means[::-1]
        bound = float(means[below])
        return bound if self._are_equal() else min(bound, skewed.lower_bound(side * self._values, alpha))

    def _are_equal(self) -> bool:
        return float(np.ptp(self._values)) <= self._rounding


def subset_means(differences: ArrayLike) -> NDArray[np.float64]:
    """The mean of every subset but the empty one (Hartigan 1969); beyond 14 differences of 16,383 drawn ones.

    Args:
        differences: shape (n, ...); one set per column.

    Returns:
        Shape (subsets, ...).
    """
    d = np.asarray(differences, dtype=float)
    subsets, sizes = _subsets(len(d))
    # In parts, since the subsets of thousands of pairs fill the memory as floats.
    parts = np.array_split(subsets, -(-subsets.size // MOST_FLOATS))
    sums = np.concatenate([np.tensordot(part.astype(float), d, 1) for part in parts])
    return np.asarray(sums / sizes.reshape(-1, *[1] * (d.ndim - 1)))


@lru_cache(maxsize=4)
def _subsets(n: int) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Which of n belong to each subset, shape (subsets, n), and how many do."""
    most = 2 ** min(n, MOST_ENUMERATED)
    if n <= MOST_ENUMERATED:
        subsets = (np.arange(1, most)[:, None] >> np.arange(n) & 1).astype(np.int8)
    else:
        subsets = np.random.default_rng(0).integers(0, 2, (most - 1, n), dtype=np.int8)
    return subsets, subsets.sum(axis=1, dtype=float)


def _spread(d: NDArray[np.float64], more_variance: float) -> NDArray[np.float64]:
    """Values of the same mean whose variance is larger by n times more_variance; of equal ones, normal scores."""
    n, mean = len(d), float(d.mean())
    own = float(d.var(ddof=1)) if n > 1 else 0.0
    wanted = own + n * more_variance
    shape = d - mean if own > 0 else stats.norm.ppf((np.arange(n) + 0.5) / n)
    return np.asarray(mean + shape * math.sqrt(wanted / (own or float(shape.var(ddof=1)))))


@lru_cache(maxsize=4)  # interval, p and equality of the same differences are asked for one after the other
def _test(differences: tuple[float, ...], more_variance: float) -> PairedTest:
    return PairedTest(differences, more_variance)


@lru_cache(maxsize=2**12)  # asked for again of every part of the settings
def _p_outside(differences: tuple[float, ...], margin: float, more_variance: float) -> float:
    return _test(differences, more_variance).p_outside(margin)


def difference_p(differences: ArrayLike, more_variance: float = 0.0) -> float:
    """Two-sided p of a zero mean difference, see ``PairedTest``.

    NaN below ``MIN_PAIRS`` pairs and for differences that are not finite.
    """
    d = np.asarray(differences, dtype=float)
    if len(d) < MIN_PAIRS or not np.isfinite(d).all():
        return math.nan
    return _test(tuple(d), more_variance).p_of_zero()


def summary_of(differences: ArrayLike, more_variance: float = 0.0) -> Summary:
    """Mean difference with the 95% interval of ``PairedTest``; below ``MIN_PAIRS`` pairs that of Student's t."""
    plain = summarize(differences, more_variance=more_variance)
    if plain.n < MIN_PAIRS or math.isnan(plain.sd):
        return plain
    low, high = _test(tuple(np.asarray(differences, dtype=float)), more_variance).interval()
    return replace(plain, low=low, high=high)


def smallest_p(n: int) -> float:
    """The least that ``difference_p`` gives for n pairs: all differences have the same sign."""
    return 2 / 2 ** min(n, MOST_ENUMERATED)


def equivalence_p(differences: ArrayLike, margin: float, more_variance: float = 0.0) -> float:
    """p that the mean difference does not lie within +-margin, see ``PairedTest``.

    A value below .05 is the same as a 90% interval of ``PairedTest`` inside the margin. NaN below 2 pairs.
    """
    d = np.asarray(differences, dtype=float)
    if len(d) < 2 or not np.isfinite(d).all():
        return math.nan
    return _p_outside(tuple(d), margin, more_variance)


def within_p(mean: float, standard_error: float, df: int, margin: float) -> float:
    """p of two one-sided t tests that a mean lies within +-margin (Schuirmann 1987); the nearer bound's is larger."""
    if standard_error == 0:
        return float(abs(mean) >= margin)
    return float(stats.t.sf((margin - abs(mean)) / standard_error, df))


def holm(p_values: Sequence[float] | ArrayLike) -> NDArray[np.float64]:
    """p values adjusted for testing them all (Holm 1979); NaN stays NaN and does not count."""
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full_like(p, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p[order]), 1)
    return adjusted
