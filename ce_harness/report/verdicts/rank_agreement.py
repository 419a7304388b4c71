"""Whether MSE captures how confident a model is, as cross-entropy does."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ce_harness.report.study import Evidence
from ce_harness.report.verdicts.settings import by_setting
from ce_harness.report.verdicts.statistics import MIN_PAIRS

METRICS = ["test/brier", "test/nll", "test/error"]
# Below this a rank correlation is called weak: less than a tenth of the variance is shared.
WEAK = 0.3
RESAMPLES = 1000


def judge(evidence: Evidence) -> pd.DataFrame:
    """The verdict on "MSE does not capture confidence", one row per setting.

    At equal error, what is left to tell two models apart is how confident they are when right and when wrong.
    So r is the partial rank correlation of MSE (Brier score) with cross-entropy (NLL) over the trained
    models, given their test error; its 95% percentile interval resamples seeds. The verdict is:

    - *contradicted* if the interval lies above 0: MSE ranks models of equal error as cross-entropy does;
    - *supported* if it lies below .3: MSE says little or nothing of what cross-entropy says beyond the error;
    - else, and with fewer than 6 seeds, *inconclusive*.

    Models of different losses may differ in confidence as a group; ``within_loss``, which decides nothing, is the
    same correlation of what the ranks differ from the mean of the model's loss.
    """
    rows = []
    for setting, group in by_setting(evidence.runs):
        scored = group[np.isfinite(group[METRICS]).all(axis=1)]
        seeds, seed = np.unique(scored["seed"], return_inverse=True)
        r = within_loss = low = high = math.nan
        if len(seeds) >= 2:
            ranks = scored[METRICS].rank()
            every = np.ones(len(ranks))
            r = float(partial_correlation(ranks.to_numpy(), every))
            centred = ranks - ranks.groupby(scored["loss"]).transform("mean")
            within_loss = float(partial_correlation(centred.to_numpy(), every))
        if len(seeds) >= MIN_PAIRS:
            even = np.full(len(seeds), 1 / len(seeds))
            drawn = np.random.default_rng(0).multinomial(len(seeds), even, RESAMPLES)
            low, high = np.quantile(partial_correlation(ranks.to_numpy(), drawn[:, seed]), (0.025, 0.975))
        verdict = "contradicted" if low > 0 else "supported" if high < WEAK else "inconclusive"
        rows.append(
            {**setting, "seeds": len(seeds), "runs": len(scored)}
            | {"correlation": r, "ci_low": low, "ci_high": high, "within_loss": within_loss, "verdict": verdict}
        )
    return pd.DataFrame(rows)


def partial_correlation(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Correlation of the first two values at a fixed third.

    Args:
        values: shape (n, 3), of ranks.
        weights: shape (..., n), how often each row counts.

    Returns:
        Shape (...); 0 where either value is a function of the third.
    """
    weights = weights / weights.sum(axis=-1, keepdims=True)
    means = weights @ values

    def covariance(i, j):
        return weights @ (values[:, i] * values[:, j]) - means[..., i] * means[..., j]

    def given_third(i, j):
        return covariance(i, j) - covariance(i, 2) * covariance(j, 2) / np.maximum(covariance(2, 2), 1e-9)

    scale = np.sqrt(np.maximum(given_third(0, 0), 0) * np.maximum(given_third(1, 1), 0))
    return np.where(scale > 1e-9 * len(values) ** 2, given_third(0, 1) / np.maximum(scale, 1e-9), 0.0)
