"""What is compared: the outcomes of a run."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd

from ce_harness.report.study import Evidence
from ce_harness.report.verdicts.statistics import first_crossing
from ce_harness.theory import LOSSES

TIME_TO = "epochs_to/"
# Losses that pull raw logits to their targets. Their scores of probabilities are those of softmax(logits).
WITHOUT_PROBABILITIES = tuple(loss for loss, facts in LOSSES.items() if not facts.trains_probabilities)
OF_PROBABILITIES = ("test/nll", "test/brier", "test/mse_mean", "test/ece")
# Up to this probability of the true class a prediction counts as bad.
BAD = 0.1


@lru_cache(maxsize=32)  # every pair of losses in every setting asks for it
def outcome(evidence: Evidence, metric: str) -> pd.Series:
    """One value per run, in the order of ``evidence.runs``.

    Args:
        metric: a column of ``evidence.runs``; or one of

            - ``epochs_to/T``: epochs until validation accuracy T, interpolated between evaluations, inf for a
              run that never reaches it;
            - ``feedback``: mean norm of the logit gradient of training examples with p_true < 0.1;
            - ``feedback_relative``: the same over the largest mean norm of any bin of p_true, which takes the
              constant scale of a loss out and leaves saturation.
    """
    if metric.startswith(TIME_TO):
        values = _epochs_to(evidence, target(metric))
    elif metric in ("feedback", "feedback_relative"):
        values = _feedback(evidence.gradient_bins, relative=metric == "feedback_relative")
    else:
        return evidence.runs[metric]
    return evidence.runs["run"].map(values)


def _epochs_to(evidence: Evidence, target: float) -> dict[str, float]:
    return {
        run: first_crossing(series["epoch"], series["val/accuracy"], target)
        for run, series in evidence.epochs.groupby("run", sort=False, observed=True)
    }


def mean_norms(bins: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean logit-gradient norm of the examples of each group of bins, in columns ``count`` and ``norm``."""
    total = (
        bins.assign(norm=bins["count"] * bins["mean_norm"])
        .groupby(by, sort=False, observed=True)[["count", "norm"]]
        .sum()
    )
    total = total[total["count"] > 0]
    return total.assign(norm=total["norm"] / total["count"]).reset_index()


def _feedback(bins: pd.DataFrame, relative: bool) -> pd.Series:
    bad = mean_norms(bins[bins["p_high"] <= BAD], ["run"]).set_index("run")["norm"]
    if not relative:
        return bad
    return bad / mean_norms(bins, ["run", "p_low"]).groupby("run", observed=True)["norm"].max()


def target(metric: str) -> float:
    return float(metric.removeprefix(TIME_TO))
