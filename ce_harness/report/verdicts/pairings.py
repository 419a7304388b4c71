"""Runs of two losses, paired by seed."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pandas as pd

from ce_harness.report.study import Evidence
from ce_harness.report.verdicts.outcomes import TIME_TO, outcome


def paired(evidence: Evidence, group: pd.DataFrame, metric: str, first: str, second: str) -> pd.DataFrame:
    """The metric of two losses, one column each, seed by seed.

    Times to a target are restricted to the last epoch, so that their mean is the restricted mean time; a pair
    in which neither run reaches the target says nothing of speed and is left out.
    """
    values = group.assign(value=outcome(evidence, metric)).pivot(index="seed", columns="loss", values="value")
    pairs = values.reindex(columns=[first, second]).dropna()
    if metric.startswith(TIME_TO):
        pairs = pairs[np.isfinite(pairs).any(axis=1)].clip(upper=horizon(evidence, group))
    return pairs


def horizon(evidence: Evidence, group: pd.DataFrame) -> float:
    """The last epoch of the runs, where a time to target is censored."""
    last = _last_epochs(evidence).reindex(group["run"]).max()
    return float(last) if not pd.isna(last) else math.inf


@lru_cache(maxsize=8)
def _last_epochs(evidence: Evidence) -> pd.Series:
    return evidence.epochs.groupby("run", observed=True)["epoch"].max()
