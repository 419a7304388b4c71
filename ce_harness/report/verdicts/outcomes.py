"""What is compared: the outcomes of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ce_harness.metrics.calibration import Reliability
from ce_harness.report.study import Evidence
from ce_harness.report.verdicts.budget import trial_values
from ce_harness.report.verdicts.settings import by_setting
from ce_harness.report.verdicts.times import first_crossing
from ce_harness.theory import LOSSES, slope_in_decades

TIME_TO = "epochs_to/"
BEST_OF = "best_of/"
FAILED = "failed"
# Losses that pull raw logits to their targets. Their scores of probabilities are those of softmax(logits).
WITHOUT_PROBABILITIES = tuple(loss for loss, facts in LOSSES.items() if not facts.trains_probabilities)
OF_PROBABILITIES = ("test/nll", "test/brier", "test/mse_mean", "test/ece", "nll_calibration", "ece_debiased")
# Up to this probability of the true class a prediction counts as bad.
BAD = 0.1
# A run that covers less than this part of the way from chance to a perfect accuracy has failed to train.
LEARNED = 0.1
# A failed run as a network that knows nothing, over K classes: the uniform prediction. Its ECE is that of certainty:
# a uniform prediction is calibrated, and would be rewarded.
AT_CHANCE: dict[str, Callable[[Any], Any]] = {
    "test/accuracy": lambda k: 1 / k,
    "test/error": lambda k: 1 - 1 / k,
    "test/balanced_accuracy": lambda k: 1 / k,
    "test/nll": np.log,
    "test/nll_calibrated": np.log,
    "test/brier": lambda k: 1 - 1 / k,
    "test/brier_calibrated": lambda k: 1 - 1 / k,
    "test/mse_mean": lambda k: (1 - 1 / k) / k,
    "test/ece": lambda k: 1 - 1 / k,
    "test/ece_calibrated": lambda k: 1 - 1 / k,
    "ece_debiased": lambda k: 1 - 1 / k,
    "val/accuracy": lambda k: 1 / k,
    "val/nll": np.log,
    "val/brier": lambda k: 1 - 1 / k,
    "mean_accuracy": lambda k: 1 / k,
}


@lru_cache(maxsize=32)  # every pair of losses in every setting asks for it
def outcome(evidence: Evidence, metric: str) -> pd.Series:
    """One value per run, in the order of ``evidence.runs``; NaN where it was not measured.

    A diverged run has the values of ``AT_CHANCE``, and reaches no target.

    Args:
        metric: a column of ``evidence.runs``, or of ``evidence.epochs`` for its value at the last epoch; or one of

            - ``epochs_to/T``: epochs until validation accuracy T, interpolated between evaluations, inf for a
              run that never reaches it;
            - ``mean_accuracy``: mean height of the learning curve, validation accuracy over epochs: the area under it;
            - ``best_of/k``: its part in the expected test accuracy of the best of k trials, see
              ``budget.trial_values``. The trials are the runs of a loss in a setting;
            - ``failed``: 1 for a run that diverged or did not learn (see ``LEARNED``), else 0;
            - ``nll_calibration``: NLL less the calibrated NLL, in nats: what a temperature mends;
            - ``ece_debiased``, ``ece_floor``: see ``metrics.calibration``: the ECE less its bias, and what a calibrated
              network with these confidences would show;
            - ``feedback``: mean norm of the logit gradient of training examples with p_true < 0.1;
            - ``feedback_relative``: the same over the largest mean norm of any bin of p_true;
            - ``feedback_slope``: slope of -dl/dz_y, the pull on the true class's logit, over p_true < 0.1, in decades
              per decade: 0 where it stays, 1 where it falls with p_true. No constant scale changes it.
    """
    runs = evidence.runs
    if metric == FAILED:
        values = pd.Series(failed(runs, "test/accuracy").astype(float), runs.index)
    elif metric.startswith(BEST_OF):
        values = _best_of(evidence, int(metric.removeprefix(BEST_OF)))
    elif metric == "nll_calibration":
        values = _column(runs, "test/nll") - _column(runs, "test/nll_calibrated")
    elif by_run := _BY_RUN.get(metric.partition("/")[0] if metric.startswith(TIME_TO) else metric):
        values = runs["run"].map(by_run(evidence, metric)).astype(float)
    elif metric not in runs and metric in evidence.epochs:
        values = runs["run"].map(evidence.epochs.groupby("run", observed=True)[metric].last()).astype(float)
    else:
        values = _column(runs, metric)
    ended = _ended(runs)
    if ended.all():
        return values
    if metric.startswith(TIME_TO):
        return values.where(ended, np.inf)
    if metric in AT_CHANCE:
        return values.where(ended, AT_CHANCE[metric](runs["num_classes"]))
    return values


def is_known(evidence: Evidence, metric: str) -> bool:
    """Whether ``outcome`` takes a metric. Standard scores are known even if earlier rows lack them."""
    computed = metric in (FAILED, "nll_calibration", *_BY_RUN) or metric.startswith((TIME_TO, BEST_OF))
    return computed or metric in AT_CHANCE or metric in evidence.runs or metric in evidence.epochs


def failed(runs: pd.DataFrame, accuracy: str) -> pd.Series:
    """Whether each run diverged or did not learn.

    Args:
        accuracy: the column that says so, of the test set or of the validation set.
    """
    classes = runs["num_classes"] if "num_classes" in runs else pd.Series(np.nan, runs.index)
    chance = np.fmax(1 / classes.fillna(np.inf), _column(runs, "test/majority_accuracy").fillna(0))
    return ~_ended(runs) | ~(runs[accuracy] > chance + LEARNED * (1 - chance))


def _ended(runs: pd.DataFrame) -> pd.Series:
    """Whether each run was trained to its end; rows without a status are of runs that were."""
    return runs["status"] == "complete" if "status" in runs else pd.Series(True, runs.index)


def _column(runs: pd.DataFrame, name: str) -> pd.Series:
    return runs[name] if name in runs else pd.Series(np.nan, runs.index)


def _best_of(evidence: Evidence, k: int) -> pd.Series:
    validation, test = outcome(evidence, "val/accuracy"), outcome(evidence, "test/accuracy")
    values = pd.Series(np.nan, evidence.runs.index)
    for _, group in by_setting(evidence.runs):
        for _, trials in group.groupby("loss"):
            values[trials.index] = trial_values(k, validation[trials.index], test[trials.index])
    return values


def _epochs_to(evidence: Evidence, metric: str) -> dict[str, float]:
    columns = _by_run(evidence.epochs, ["epoch", "val/accuracy"])
    return {run: first_crossing(epochs, accuracy, target(metric)) for run, (epochs, accuracy) in columns}


def _mean_accuracy(evidence: Evidence, metric: str) -> pd.Series:
    return evidence.epochs.groupby("run", observed=True)[["epoch", "val/accuracy"]].apply(_mean_height)


def _mean_height(curve: pd.DataFrame) -> float:
    epochs, accuracy = curve.to_numpy(dtype=float).T
    return float(np.trapezoid(accuracy, epochs) / (epochs[-1] - epochs[0]) if len(epochs) > 1 else accuracy.mean())


def _calibration_error(evidence: Evidence, metric: str) -> dict[str, float]:
    as_trained = evidence.reliability[~evidence.reliability["calibrated"].astype(bool)]
    columns = _by_run(as_trained, ["count", "confidence", "accuracy"])
    return {run: getattr(Reliability(*bins), metric) for run, bins in columns}


def _by_run(series: pd.DataFrame, columns: list[str]) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Each run's values, shape (columns, rows of the run); thousands of frames would take seconds."""
    values = series[columns].to_numpy(dtype=float).T
    for run, rows in series.groupby("run", sort=False, observed=True).indices.items():
        yield str(run), values[:, rows]


def mean_of_bins(bins: pd.DataFrame, by: list[str], column: str = "mean_norm") -> pd.DataFrame:
    """Mean of a column over the examples of each group of bins, as ``count`` and ``mean``."""
    total = bins.assign(mean=bins["count"] * bins[column]).groupby(by, sort=False, observed=True)[["count", "mean"]]
    sums = total.sum(min_count=1)
    sums = sums[sums["count"] > 0]
    return sums.assign(mean=sums["mean"] / sums["count"]).reset_index()


def _feedback(evidence: Evidence, metric: str) -> pd.Series:
    bins = evidence.gradient_bins
    bad = mean_of_bins(bins[bins["p_high"] <= BAD], ["run"]).set_index("run")["mean"]
    if metric == "feedback":
        return bad
    return bad / mean_of_bins(bins, ["run", "p_low"]).groupby("run", observed=True)["mean"].max()


def _feedback_slope(evidence: Evidence, metric: str) -> pd.Series:
    """The lowest bin, which begins at 0, has no middle on a logarithmic axis and is left out."""
    bins = evidence.gradient_bins
    if TRUE_CLASS not in bins:
        return pd.Series(dtype=float)
    pulls = mean_of_bins(bins[(bins["p_high"] <= BAD) & (bins["p_low"] > 0)], ["run", "p_low", "p_high"], TRUE_CLASS)
    pulls["p"] = np.sqrt(pulls["p_low"] * pulls["p_high"])
    return pulls.groupby("run", observed=True)[["p", "mean"]].apply(lambda run: slope_in_decades(run["p"], run["mean"]))


TRUE_CLASS = "mean_true_class_gradient"
_BY_RUN = {
    "ece_debiased": _calibration_error,
    "ece_floor": _calibration_error,
    TIME_TO.rstrip("/"): _epochs_to,
    "mean_accuracy": _mean_accuracy,
    "feedback": _feedback,
    "feedback_relative": _feedback,
    "feedback_slope": _feedback_slope,
}


def target(metric: str) -> float:
    """The validation accuracy that a metric ``epochs_to/T`` asks for."""
    return float(metric.removeprefix(TIME_TO))
