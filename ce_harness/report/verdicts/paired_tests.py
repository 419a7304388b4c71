"""Tests on the differences of paired runs: is their mean zero, is it within a margin.

Everything takes plain arrays with one difference per seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ce_harness.report.verdicts.intervals import summarize

ALPHA = 0.05
MIN_PAIRS = 6  # 5 can't go below p = .0625, 6 reach .03125
# All 2^n sign patterns are enumerated up to 14 pairs; beyond that this many are drawn.
MAX_PATTERNS = 2**14
RESAMPLES = 9_999
MOST_FLOATS = 2**22  # of 8 bytes, kept or made at once


def difference_p(differences: ArrayLike, more_variance: float = 0.0) -> float:
    """Two-sided p of a zero mean difference: the largest of the sign flips', the bootstrap's and, if need be, t's.

    The sign flips are exact for differences that are symmetric about zero, heavy tails and ties included. The
    bootstrap also covers skewed ones, such as those of a loss that fails now and then. NaN below ``MIN_PAIRS`` pairs
    and for differences that are not finite.

    Args:
        differences: shape (n,).
        more_variance: see ``summarize``; t's test alone has a place for it.
    """
    d = np.asarray(differences, dtype=float)
    if len(d) < MIN_PAIRS or not np.isfinite(d).all():
        return math.nan
    p = max(float(sign_flip_p(d)), bootstrap_p(d))
    if more_variance > 0:
        p = max(p, _t_p(float(d.mean()), math.sqrt(d.var(ddof=1) / len(d) + more_variance), len(d) - 1))
    return p


def sign_flip_p(differences: ArrayLike) -> NDArray[np.float64]:
    """Two-sided sign-flip permutation p of a zero mean difference (Fisher 1935).

    The studentised test is the same test: of differences whose squares are fixed, t grows with the mean alone.
    Exact up to 14 pairs; beyond, from 16,384 sign patterns drawn with a fixed seed.

    Args:
        differences: shape (n, ...); one test per column.
    """
    d = np.asarray(differences, dtype=float)
    observed = np.abs(d.sum(axis=0)) - 1e-12 * np.abs(d).sum(axis=0)  # rounding breaks no tie
    signs = _sign_patterns(len(d))
    # In parts, since the patterns of thousands of pairs fill the memory as floats.
    parts = np.array_split(signs, -(-signs.size // MOST_FLOATS))
    extreme = np.sum(
        [(np.abs(np.tensordot(part.astype(float, copy=False), d, 1)) >= observed).sum(axis=0) for part in parts], axis=0
    )
    if 2 ** len(d) <= MAX_PATTERNS:
        return np.asarray(extreme / len(signs))
    return np.asarray((extreme + 1) / (len(signs) + 1))  # the observed pattern is one of those drawn


def bootstrap_p(differences: ArrayLike) -> float:
    """Two-sided p of a zero mean difference by the studentised bootstrap (Efron & Tibshirani 1993, section 16.4).

    Differences are resampled about their mean, with a fixed seed; p is twice the share of resamples beyond t. Sides are
    counted apart: where differences are skewed, the distribution of t is skewed the other way.

    Args:
        differences: shape (n,), n > 1.
    """
    d = np.asarray(differences, dtype=float)
    mean, centred = d.mean(), d - d.mean()
    if np.abs(centred).max() <= 1e-12 * np.abs(d).max():  # all equal, but for rounding
        return 1.0 if mean == 0 else 2 / (RESAMPLES + 1)
    weights = _resamples(len(d))
    means = weights @ centred
    variances = np.maximum(weights @ centred**2 - means**2, 0)
    means[np.abs(means) <= 1e-12 * np.abs(d).max()] = 0
    # A resample of one value alone has no variance, and lies beyond any t.
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.nan_to_num(means / np.sqrt(variances), nan=0.0)
    t_of_data = mean / math.sqrt(np.mean(centred**2)) * (1 - 1e-9)
    beyond = min((t >= t_of_data).sum(), (t <= t_of_data).sum())
    return min(1.0, 2 * float(beyond + 1) / (len(weights) + 1))


def smallest_p(n: int) -> float:
    """The least that ``difference_p`` gives for n pairs: of all sign patterns two are as extreme as equal signs."""
    return max(min(2 / 2**n, 1.0) if 2**n <= MAX_PATTERNS else 1 / (MAX_PATTERNS + 1), 2 / (RESAMPLES + 1))


@lru_cache(maxsize=4)
def _sign_patterns(n: int) -> NDArray[np.float64] | NDArray[np.int8]:
    """All patterns of n signs, shape (2^n, n), or ``MAX_PATTERNS`` random ones if there are more."""
    if 2**n <= MAX_PATTERNS:
        bits = np.arange(2**n)[:, None] >> np.arange(n) & 1
    else:
        bits = np.random.default_rng(0).integers(0, 2, (MAX_PATTERNS, n), dtype=np.int8)
    return (2 * bits - 1).astype(float if bits.size <= MOST_FLOATS else np.int8)


@lru_cache(maxsize=4)
def _resamples(n: int) -> NDArray[np.float64]:
    """The weight of each of n values in each resample, shape (resamples, n); fewer resamples of very many values."""
    rng, resamples = np.random.default_rng(0), min(RESAMPLES, max(MOST_FLOATS // n, 999))
    return rng.multinomial(n, np.full(n, 1 / n), resamples) / n


def equivalence_p(differences: ArrayLike, margin: float, more_variance: float = 0.0) -> float:
    """p of the two one-sided t tests that the mean difference lies within +-margin (Schuirmann 1987).

    A value below .05 is the same as a 90% t interval inside the margin. Differences that are all the same
    number leave no doubt: p is 0 or 1.
    """
    d = summarize(differences)
    if d.n < 2 or math.isnan(d.sd):
        return math.nan
    return within_p(d.mean, math.sqrt(d.sd**2 / d.n + more_variance), d.n - 1, margin)


def within_p(mean: float, standard_error: float, df: int, margin: float) -> float:
    """The same of an estimate with a standard error on df degrees of freedom; the nearer bound has the larger p."""
    if standard_error == 0:
        return float(abs(mean) >= margin)
    return float(stats.t.sf((margin - abs(mean)) / standard_error, df))


def _t_p(mean: float, standard_error: float, df: int) -> float:
    return float(2 * stats.t.sf(abs(mean) / standard_error, df))


def holm(p_values: Sequence[float] | ArrayLike) -> NDArray[np.float64]:
    """p values adjusted for testing them all (Holm 1979); NaN stays NaN and does not count."""
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full_like(p, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p[order]), 1)
    return adjusted
