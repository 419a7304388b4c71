"""What is compared: the outcomes of a run, and runs paired by seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache

import numpy as np
import pandas as pd

from ce_harness.report.study import Evidence
from ce_harness.report.verdicts.statistics import first_crossing
from ce_harness.theory import LOSSES

LABELS = {
    "test/accuracy": "test accuracy",
    "test/error": "test error",
    "test/nll": "NLL (nats)",
    "test/brier": "Brier score",
    "test/mse_mean": "MSE, mean over classes",
    "test/ece": "ECE",
    "test/nll_calibrated": "NLL (nats), calibrated",
    "test/ece_calibrated": "ECE, calibrated",
    "early_grad_norm": "early gradient norm",
    "feedback": "logit-gradient norm at p_true < 0.1",
    "feedback_relative": "logit-gradient norm at p_true < 0.1 over its peak",
}
TIME_TO = "epochs_to/"
# Losses that pull raw logits to their targets. Their scores of probabilities are those of softmax(logits).
WITHOUT_PROBABILITIES = tuple(loss for loss, facts in LOSSES.items() if not facts.trains_probabilities)
OF_PROBABILITIES = ("test/nll", "test/brier", "test/mse_mean", "test/ece")
MARK = "*"
MARKED = (
    f"{MARK} of softmax(logits): {' and '.join(WITHOUT_PROBABILITIES)} trains no probabilities. Only its calibrated "
    "scores are to be compared."
)
# Up to this probability of the true class a prediction counts as bad.
BAD = 0.1


def label(metric: str) -> str:
    """The name of an outcome as readers see it."""
    if metric.startswith(TIME_TO):
        return f"epochs to {_target(metric):.0%} val. accuracy"
    return LABELS.get(metric, metric)


def mark(metric: str, losses: Iterable[str]) -> str:
    """What sets apart a score of probabilities where one of the losses trains none."""
    return MARK if metric in OF_PROBABILITIES and not set(losses).isdisjoint(WITHOUT_PROBABILITIES) else ""


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
        values = _epochs_to(evidence, _target(metric))
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


def settings(runs: pd.DataFrame) -> list[str]:
    """The columns, other than loss and seed, in which the runs were made to differ.

    A column that the others decide, such as epochs that were set per dataset, is not one of them.
    """
    end = next((i for i, column in enumerate(runs.columns) if "/" in column), len(runs.columns))
    names: list[str] = []
    cells = pd.Series(0, runs.index)
    for column in runs.columns[1:end]:
        if column not in ("loss", "seed") and runs[column].nunique() > 1:
            finer = runs.groupby([cells, column]).ngroup()
            if finer.nunique() > cells.nunique():
                names, cells = [*names, column], finer
    return names


def described(setting: Mapping[str, object]) -> str:
    """A setting in words: ``digits, sgd, learning_rate 0.05``."""
    return ", ".join(_described(name, value) for name, value in setting.items())


def setting_cell(setting: Mapping[str, object]) -> dict[str, str]:
    """The setting as a column of what a reader sees; none where all runs share theirs."""
    return {"setting": described(setting)} if setting else {}


def _described(name: str, value: object) -> str:
    try:
        return f"{name.rpartition('.')[2]} {float(value):g}"
    except ValueError:
        return str(value)


def by_setting(runs: pd.DataFrame):
    """Yield (setting values as dict, runs) for every setting; one empty dict if all runs share theirs."""
    names = settings(runs)
    if not names:
        yield {}, runs
        return
    for values, group in runs.groupby(names, sort=False):
        yield dict(zip(names, values, strict=True)), group


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


def _target(metric: str) -> float:
    return float(metric.removeprefix(TIME_TO))
