"""What several settings say together: each setting counts once, as one draw of the settings there might be."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class OverSettings:
    """The mean of k settings' differences.

    Attributes:
        n: k.
        mean, standard_error: of the settings' mean; t has k - 1 degrees of freedom.
        low, high: 95% interval of the mean.
        predicted_low, predicted_high: 95% interval of the difference in one more setting; NaN below 3 settings.
        median: of the settings.
        above, below: share of settings on each side of zero.
        p: two-sided, of a zero mean.
    """

    n: int
    mean: float
    standard_error: float
    low: float
    high: float
    predicted_low: float
    predicted_high: float
    median: float
    above: float
    below: float
    p: float


def over_settings(means: ArrayLike, variances: ArrayLike, common: float = 0.0) -> OverSettings:
    """Random effects, settings weighted equally (Higgins, Thompson & Spiegelhalter 2009).

    The standard error is that of the settings' means (Knapp & Hartung 2003). It is no smaller than their own errors
    alone would make it (Roever et al. 2015). The prediction interval adds the variance between settings, which is that
    of the means less that of their errors.

    Args:
        means: of each setting, shape (k,), k > 1.
        variances: squared standard errors of these means, shape (k,).
        common: covariance of these errors, mean over all k^2 pairs of two settings, 0 of one with itself.
    """
    m, v = np.asarray(means, dtype=float), np.asarray(variances, dtype=float)
    k, mean, seen, own = len(m), float(m.mean()), float(m.var(ddof=1)), float(v.mean())
    error = math.sqrt(max(seen, own) / k + common)
    half = float(stats.t.ppf(0.975, k - 1)) * error
    spread = math.sqrt(max(seen - own, 0) + error**2) * float(stats.t.ppf(0.975, k - 2)) if k > 2 else math.nan
    p = float(2 * stats.t.sf(abs(mean) / error, k - 1)) if error else float(mean == 0)
    sides = float(np.mean(m > 0)), float(np.mean(m < 0))
    return OverSettings(
        k, mean, error, mean - half, mean + half, mean - spread, mean + spread, float(np.median(m)), *sides, p
    )


def interaction_p(means: ArrayLike, variances: ArrayLike, df: ArrayLike, least: float = 0.0) -> float:
    """p that no two settings differ in sign: a test of qualitative interaction.

    Twice the smaller p of two tests. Gail & Simon (1985) add up the evidence on each side, and show many settings that
    disagree. The range test of Piantadosi & Gail (1993) takes the surest setting of each side, and shows two that
    disagree among many without a difference. Student's t of each setting is turned into a normal score first.

    Args:
        means, variances: as for ``over_settings``.
        df: degrees of freedom of each setting's variance, shape (k,).
        least: smaller differences count for neither side.
    """
    m, error = np.asarray(means, dtype=float), np.sqrt(np.asarray(variances, dtype=float))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(m == 0, 0.0, m / error)
    # Beyond 37 the tail is 0 in floats.
    scores = np.sign(t) * np.minimum(stats.norm.isf(stats.t.sf(np.abs(t), df)), 37.0)
    scores = np.where(np.abs(m) >= least, scores, 0.0)
    k, above, below = len(m), np.maximum(scores, 0), np.maximum(-scores, 0)
    if k < 2:
        return 1.0
    sides = np.arange(1, k)
    evidence = min(float((above**2).sum()), float((below**2).sum()))
    gail_simon = float(stats.binom.pmf(sides, k - 1, 0.5) @ stats.chi2.sf(evidence, sides))
    surest = min(float(above.max()), float(below.max()))
    range_test = float(-np.expm1((k - 1) * np.log1p(-stats.norm.sf(surest))))
    return min(1.0, 2 * min(gail_simon, range_test))
