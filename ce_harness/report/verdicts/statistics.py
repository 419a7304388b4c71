"""Statistics of repeated runs: intervals, paired comparisons, equivalence, censored times, power.

Everything takes plain arrays with one value per seed; pairs share a seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

ALPHA = 0.05
MIN_PAIRS = 6  # 5 can't go below p = .0625, 6 reach .03125
# All 2^n sign patterns are enumerated up to 14 pairs; beyond that this many are drawn.
MAX_PATTERNS = 2**14
MOST_FLOATS = 2**22  # of 8 bytes, kept or made at once for the sign patterns


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


def summarize(values: ArrayLike, confidence: float = 0.95) -> Summary:
    """Mean, standard deviation (n - 1) and t interval of values of shape (n,); only the mean if one is infinite."""
    values = np.asarray(values, dtype=float)
    n = len(values)
    mean = float(values.mean()) if n else math.nan
    if not np.isfinite(values).all():
        return Summary(n, mean, math.nan, math.nan, math.nan)
    sd = float(values.std(ddof=1)) if n > 1 else math.nan
    half = stats.t.ppf((1 + confidence) / 2, n - 1) * sd / math.sqrt(n) if n > 1 else math.nan
    return Summary(n, mean, sd, mean - half, mean + half)


@dataclass(frozen=True)
class Paired:
    """Differences a - b of n pairs.

    Attributes:
        difference: mean difference with its 95% t interval.
        effect_size: mean difference over the standard deviation of the differences (Cohen's d_z); NaN when
            that deviation is zero.
        superiority: share of pairs with a > b, ties counted half.
        p: two-sided permutation p; NaN when n is too small for any p below .05, or a difference not finite.
    """

    difference: Summary
    effect_size: float
    superiority: float
    p: float


def compare_pairs(a: ArrayLike, b: ArrayLike) -> Paired:
    """Compare a with b, both of shape (n,), pair by pair."""
    with np.errstate(invalid="ignore"):  # of two infinite values: NaN
        d = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    difference = summarize(d)
    effect = difference.mean / difference.sd if difference.sd > 0 else math.nan
    superiority = float(np.mean((d > 0) + 0.5 * (d == 0))) if len(d) else math.nan
    p = float(permutation_p(d)) if len(d) >= MIN_PAIRS and np.isfinite(d).all() else math.nan
    return Paired(difference, effect, superiority, p)


def permutation_p(differences: ArrayLike) -> np.ndarray:
    """Two-sided sign-flip permutation p of a zero mean difference (Fisher 1935).

    Exact up to 14 pairs; beyond, from 16,384 sign patterns drawn with a fixed seed.

    Args:
        differences: shape (n, ...); one test per column.
    """
    d = np.asarray(differences, dtype=float)
    observed = np.abs(d.sum(axis=0)) - 1e-12 * np.abs(d).sum(axis=0)  # rounding breaks no tie
    signs = _sign_patterns(len(d))
    # In parts, since the patterns of thousands of pairs fill the memory as floats.
    parts = np.array_split(signs, -(-signs.size // MOST_FLOATS))
    extreme = sum(
        (np.abs(np.tensordot(part.astype(float, copy=False), d, 1)) >= observed).sum(axis=0) for part in parts
    )
    if 2 ** len(d) <= MAX_PATTERNS:
        return extreme / len(signs)
    return (extreme + 1) / (len(signs) + 1)  # the observed pattern is one of those drawn


def smallest_p(n: int) -> float:
    """The least that ``permutation_p`` gives for n pairs: of all sign patterns two are as extreme as equal signs."""
    return min(2 / 2**n, 1.0) if 2**n <= MAX_PATTERNS else 1 / (MAX_PATTERNS + 1)


@lru_cache(maxsize=4)
def _sign_patterns(n: int) -> np.ndarray:
    """All patterns of n signs, shape (2^n, n), or ``MAX_PATTERNS`` random ones if there are more."""
    if 2**n <= MAX_PATTERNS:
        bits = np.arange(2**n)[:, None] >> np.arange(n) & 1
    else:
        bits = np.random.default_rng(0).integers(0, 2, (MAX_PATTERNS, n), dtype=np.int8)
    return (2 * bits - 1).astype(float if bits.size <= MOST_FLOATS else np.int8)


def equivalence_p(differences: ArrayLike, margin: float) -> float:
    """p of the two one-sided t tests that the mean difference lies within +-margin (Schuirmann 1987).

    A value below .05 is the same as a 90% t interval inside the margin. Differences that are all the same
    number leave no doubt: p is 0 or 1.
    """
    d = summarize(differences)
    if d.n < 2:
        return math.nan
    if d.sd == 0:
        return float(abs(d.mean) >= margin)
    # The nearer bound has the larger p.
    return float(stats.t.sf((margin - abs(d.mean)) / (d.sd / math.sqrt(d.n)), d.n - 1))


def holm(p_values: ArrayLike) -> np.ndarray:
    """p values adjusted for testing them all (Holm 1979); NaN stays NaN and does not count."""
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full_like(p, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p[order]), 1)
    return adjusted


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


def survival(times: ArrayLike, horizon: float) -> tuple[np.ndarray, np.ndarray]:
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


def power(effect_size: float, n: int, alpha: float = ALPHA) -> float:
    """Power of the two-sided paired t test of n pairs at effect size d_z (noncentral t).

    Significance in the wrong direction, below 1e-5 from a power of .5 on, does not count as success.
    """
    critical = stats.t.ppf(1 - alpha / 2, n - 1)
    return float(stats.nct.sf(critical, n - 1, effect_size * math.sqrt(n)))


def detectable_difference(sd: float, n: int, wanted_power: float = 0.8) -> float:
    """The smallest mean difference that n pairs with this standard deviation show with the wanted power.

    inf when n is below ``MIN_PAIRS``: the exact test then shows nothing, however large.
    """
    if n < MIN_PAIRS:
        return math.inf
    return sd * _detectable_effect(n, wanted_power)


@lru_cache
def _detectable_effect(n: int, wanted_power: float) -> float:
    # At a noncentrality of 10 even 6 pairs have a power of 1 - 1e-8.
    return optimize.brentq(lambda d: power(d, n) - wanted_power, 0, 10 / math.sqrt(n))
