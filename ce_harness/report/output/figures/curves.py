"""What happens during training: scores over epochs, gradients over steps, and how soon a target is reached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from ce_harness.report.output import panels
from ce_harness.report.output.labels import loss_names
from ce_harness.report.output.style import in_parts_of_decades, logarithmic, loss_styles
from ce_harness.report.study import Evidence
from ce_harness.report.verdicts.outcomes import WITHOUT_PROBABILITIES, outcome
from ce_harness.report.verdicts.pairings import horizon
from ce_harness.report.verdicts.settings import by_setting
from ce_harness.report.verdicts.times import survival

CURVES = {"val/accuracy": "validation accuracy", "val/nll": "validation NLL (nats)"}
NORMS = {"grad_norm/global": "gradient norm, all weights", "grad_norm/logits": "gradient norm, logits"}
OF_PROBABILITIES = ("val/nll", "val/brier")
ERROR = "val/error"
CROWDED = 0.9  # above this accuracy at the end, curves can't be told apart but by their error


def learning_curves(evidence: Evidence, metrics: Sequence[str] = tuple(CURVES)) -> Figure:
    """Validation accuracy over epochs, per loss; with few settings NLL, too.

    Where a loss ends above 90%: validation error, on logarithmic axes.
    """
    titles = {metric: CURVES.get(metric, metric) for metric in metrics}
    if "val/accuracy" not in titles or not _is_crowded(evidence):
        return _series(evidence, evidence.epochs, "epoch", titles, _linear)
    error = evidence.epochs.assign(**{ERROR: 1 - evidence.epochs["val/accuracy"]})
    titles = {ERROR if metric == "val/accuracy" else metric: title for metric, title in titles.items()}
    titles[ERROR] = "validation error"
    return _series(evidence, error, "epoch", titles, _in_parts_of_decades)


def gradient_norms(evidence: Evidence, metrics: Sequence[str] = tuple(NORMS)) -> Figure:
    """L2 norm of the gradient of all weights over steps, per loss; with few settings also on one example's logits."""
    titles = {metric: NORMS.get(metric, metric) for metric in metrics}
    return _series(evidence, evidence.steps, "step", titles, _in_decades, geometric=True)


def time_to_target(evidence: Evidence, targets: Sequence[float] = (0.9, 0.95, 0.97)) -> Figure:
    """Kaplan-Meier share of runs that have reached a validation accuracy, over epochs."""
    groups = list(by_setting(evidence.runs))
    styles, names = loss_styles(evidence.runs["loss"].unique()), loss_names(evidence)

    def draw(ax: Axes, group: pd.DataFrame, target: float) -> None:
        values, end = outcome(evidence, f"epochs_to/{target:g}"), horizon(evidence, group)
        for loss, runs in group.groupby("loss", sort=False):
            at, share = survival(values[runs.index], end)
            reached = np.append(1 - share, 1 - share[-1] if len(share) else 0)
            name = f"{names[loss]} (n = {len(runs)})" if len(groups) == 1 else names[loss]
            ax.step([0, *at, end], [0, *reached], where="post", label=name, **styles[loss])
        ax.set_ylim(-0.03, 1.03)

    measures = {target: f"share of runs at {target:.0%}" for target in targets}
    return panels.panels(groups, draw, measures, "epoch", height=2.1, sharey=True)


def _is_crowded(evidence: Evidence) -> bool:
    last = outcome(evidence, "val/accuracy")
    means = [last[runs.index].mean() for _, group in by_setting(evidence.runs) for _, runs in group.groupby("loss")]
    return bool(max(means) > CROWDED)


def _series(
    evidence: Evidence,
    rows: pd.DataFrame,
    x: str,
    titles: dict[str, str],
    scale: Callable[[Axes], None],
    geometric: bool = False,
) -> Figure:
    """Lines are means over seeds, bands their 95% t intervals."""
    groups, cut = list(by_setting(evidence.runs)), scale is _in_parts_of_decades
    styles, names = loss_styles(evidence.runs["loss"].unique()), loss_names(evidence)

    def draw(ax: Axes, group: pd.DataFrame, column: str) -> None:
        for loss, runs in group.groupby("loss", sort=False):
            if column in OF_PROBABILITIES and loss in WITHOUT_PROBABILITIES:
                continue
            name = f"{names[loss]} (n = {len(runs)})" if len(groups) == 1 else names[loss]
            _band(ax, panels.rows_of(runs, rows), x, column, geometric, cut, label=name, **styles[loss])
        scale(ax)

    return panels.panels(groups, draw, titles, x, sharey=False)


def _band(ax: Axes, rows: pd.DataFrame, x: str, y: str, geometric: bool, cut: bool, **line: Any) -> None:
    """Draw the mean over runs, or the geometric mean, and its 95% t interval.

    Args:
        cut: whether the interval ends at half of the smallest mean: a log axis has no place for one down to 0.
    """
    with np.errstate(divide="ignore"):  # a norm of exactly 0 has no place on a log axis: there the line has a gap
        values = np.log(rows[y]) if geometric else rows[y]
    stat = values.groupby(rows[x]).agg(["mean", "std", "count"])
    half = stats.t.ppf(0.975, np.maximum(stat["count"] - 1, 1)) * stat["std"] / np.sqrt(stat["count"])
    back = np.exp if geometric else (lambda v: v)
    mean, low, high = back(stat["mean"]), back(stat["mean"] - half), back(stat["mean"] + half)
    if cut and (mean > 0).any():
        low = low.clip(lower=mean[mean > 0].min() / 2)
    ax.fill_between(stat.index, low, high, color=line["color"], alpha=0.18, linewidth=0)
    ax.plot(stat.index, mean, **line)


def _linear(_: Axes) -> None:
    pass


def _in_decades(ax: Axes) -> None:
    logarithmic(ax.xaxis, ax.yaxis)
    ax.minorticks_off()


def _in_parts_of_decades(ax: Axes) -> None:
    in_parts_of_decades(ax.yaxis)
