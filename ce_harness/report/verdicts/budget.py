"""What a tuning budget buys: the expected test score of the best of k trials, chosen on validation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats


def best_of(k: int, validation: ArrayLike, test: ArrayLike) -> float:
    """The mean over all choices of k among n trials: the test score of the one that is best on validation.

    The unbiased estimate of what k trials give (Tang et al. 2020, arXiv 2004.13705; the idea is that of Dodge et al.
    2019, arXiv 1909.03004). The i-th worst trial is the best in C(i - 1, k - 1) of the C(n, k) choices. Trials that are
    equal on validation share their weights.

    Args:
        k: 1 to n.
        validation, test: scores of the n trials, shape (n,); more is better on validation.
    """
    validation, test = np.asarray(validation, dtype=float), np.asarray(test, dtype=float)
    n = len(validation)
    weights = special.comb(np.arange(n), k - 1) / special.comb(n, k)
    upto = np.concatenate([[0.0], np.cumsum(weights)])
    last = stats.rankdata(validation, "max")
    first = stats.rankdata(validation, "min") - 1
    return float(((upto[last] - upto[first]) / (last - first)) @ test)


def trial_values(k: int, validation: ArrayLike, test: ArrayLike) -> NDArray[np.float64]:
    """One value per trial, whose mean is ``best_of`` and whose scatter is that of this estimate.

    They are the jackknife's pseudo-values (Arvesen 1969). With them, trials are compared as runs are. NaN for fewer
    than k + 1 trials.

    Returns:
        Shape (n,).
    """
    validation, test = np.asarray(validation, dtype=float), np.asarray(test, dtype=float)
    n = len(validation)
    if n <= k:
        return np.full(n, np.nan)
    without = [best_of(k, np.delete(validation, i), np.delete(test, i)) for i in range(n)]
    return n * best_of(k, validation, test) - (n - 1) * np.array(without)
