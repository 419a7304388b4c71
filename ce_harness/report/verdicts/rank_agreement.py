"""Whether MSE captures how confident a model is, as cross-entropy does: counted over models of equal error."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ce_harness.report.study import Evidence
from ce_harness.report.verdicts.outcomes import WITHOUT_PROBABILITIES
from ce_harness.report.verdicts.paired_tests import MIN_PAIRS
from ce_harness.report.verdicts.settings import by_setting

# Up to this share of agreement MSE says little more of confidence than a coin, which agrees in half of the pairs.
WEAK = 0.6
FEWEST_PAIRS = 20  # of models of equal error
RESAMPLES = 1000


def judge(evidence: Evidence) -> pd.DataFrame:
    """The verdict on "MSE does not capture confidence", one row per setting.

    At equal error, what is left to tell two models apart is how confident they are when right and when wrong. So all
    pairs of trained models with exactly the same test error are looked at. ``agreement`` is the share in which the
    Brier score (MSE) and the NLL (cross-entropy) call the same model better. Its 95% percentile interval resamples
    seeds. The verdict is:

    - *contradicted* if the interval lies above 1/2: MSE ranks models of equal error as cross-entropy does;
    - *supported* if it lies below .6: MSE ranks them hardly better than a coin would;
    - else, and with fewer than 6 seeds or 20 pairs, *inconclusive*.

    Models of losses that train no probabilities take no part. ``within_loss``, which decides nothing, is the share
    among pairs of the same loss.
    """
    rows = []
    for setting, group in by_setting(evidence.runs):
        scored = group[~group["loss"].isin(WITHOUT_PROBABILITIES)]
        scored = scored[np.isfinite(scored[["test/brier", "test/nll", "test/error"]]).all(axis=1)]
        seeds, seed = np.unique(scored["seed"], return_inverse=True)
        first, second, agree = pairs_of_equal_error(scored)
        agreement = within_loss = low = high = math.nan
        if len(agree):
            agreement = float(agree.mean())
            loss = scored["loss"].to_numpy()
            same = agree[loss[first] == loss[second]]
            within_loss = float(same.mean()) if len(same) else math.nan
        if len(seeds) >= MIN_PAIRS and len(agree) >= FEWEST_PAIRS:
            even = np.full(len(seeds), 1 / len(seeds))
            drawn = np.random.default_rng(0).multinomial(len(seeds), even, RESAMPLES)[:, seed]
            weights = drawn[:, first] * drawn[:, second]
            weights = weights[weights.any(axis=1)]
            low, high = np.quantile(weights @ agree / weights.sum(axis=1), (0.025, 0.975))
        verdict = "contradicted" if low > 0.5 else "supported" if high < WEAK else "inconclusive"
        rows.append(
            {**setting, "seeds": len(seeds), "runs": len(scored), "pairs": len(agree)}
            | {"agreement": agreement, "ci_low": low, "ci_high": high, "within_loss": within_loss, "verdict": verdict}
        )
    return pd.DataFrame(rows)


def pairs_of_equal_error(runs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of runs with the same test error whose Brier scores and NLLs differ.

    Returns:
        (row of the first run, row of the second, whether both scores call the same one better), each of shape (pairs,).
    """
    # Errors are multiples of one over the number of test examples; rounding makes equal ones equal.
    error = runs["test/error"].round(9).to_numpy()
    first, second = np.triu_indices(len(runs), 1)
    same = error[first] == error[second]
    first, second = first[same], second[same]
    brier, nll = (
        np.sign((scores[first] - scores[second]).round(12)) for scores in runs[["test/brier", "test/nll"]].to_numpy().T
    )
    differ = (brier != 0) & (nll != 0)
    return first[differ], second[differ], (brier == nll)[differ]
