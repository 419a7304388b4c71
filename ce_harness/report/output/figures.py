"""Figures that any study of several losses can use: one setting in full, many as small panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter
from scipy import stats

from ce_harness import theory
from ce_harness.report.output import panels
from ce_harness.report.output.labels import label, loss_names
from ce_harness.report.output.style import COLUMN_WIDTH, PAGE_WIDTH, logarithmic, loss_styles, new_figure
from ce_harness.report.study import Claim, Evidence
from ce_harness.report.verdicts.outcomes import mean_of_bins, outcome
from ce_harness.report.verdicts.pairings import effect, horizon
from ce_harness.report.verdicts.settings import by_setting, described
from ce_harness.report.verdicts.times import survival

# Bins of a reliability diagram with fewer examples say more of chance than of calibration.
FEWEST_EXAMPLES = 20
LEAST_NORM = 1e-3  # smaller gradients on the logits of an example are not drawn
LINEAR = 0.01  # smaller differences are drawn to scale where the axis is logarithmic
CURVES = {"val/accuracy": "validation accuracy", "val/nll": "validation NLL (nats)"}
NORMS = {"grad_norm/global": "gradient norm, all weights", "grad_norm/logits": "gradient norm, logits"}


def learning_curves(evidence: Evidence, metrics: Sequence[str] = tuple(CURVES)) -> Figure:
    """Validation accuracy over epochs, per loss; of a few settings NLL, too."""
    return _series(evidence, evidence.epochs, "epoch", {metric: CURVES.get(metric, metric) for metric in metrics})


def gradient_norms(evidence: Evidence, metrics: Sequence[str] = tuple(NORMS)) -> Figure:
    """L2 norm of the gradient of all weights over steps, per loss; of a few settings also on one example's logits."""
    measures = {metric: NORMS.get(metric, metric) for metric in metrics}
    return _series(evidence, evidence.steps, "step", measures, log=True)


def _series(evidence: Evidence, rows: pd.DataFrame, x: str, measures: dict[str, str], log: bool = False) -> Figure:
    """Lines are means over seeds, bands their 95% t intervals."""
    groups = list(by_setting(evidence.runs))
    styles, names = _styles(evidence), loss_names(evidence)

    def draw(ax: Axes, group: pd.DataFrame, column: str) -> None:
        for loss, runs in group.groupby("loss", sort=False):
            name = f"{names[loss]} (n = {len(runs)})" if len(groups) == 1 else names[loss]
            draw_band(ax, _of(rows, runs), x, column, label=name, log=log, **styles[loss])
        if log:
            logarithmic(ax.xaxis, ax.yaxis)
            ax.minorticks_off()

    return panels.panels(groups, draw, measures, x, sharey=False)


def draw_band(ax: Axes, rows: pd.DataFrame, x: str, y: str, log: bool = False, **line: Any) -> None:
    """Draw the mean over runs and its 95% t interval; geometric mean on a log axis."""
    with np.errstate(divide="ignore"):  # a norm of exactly 0 has no place on a log axis: there the line has a gap
        values = np.log(rows[y]) if log else rows[y]
    stat = values.groupby(rows[x]).agg(["mean", "std", "count"])
    half = stats.t.ppf(0.975, np.maximum(stat["count"] - 1, 1)) * stat["std"] / np.sqrt(stat["count"])
    back = np.exp if log else (lambda v: v)
    ax.fill_between(
        stat.index,
        back(stat["mean"] - half),
        back(stat["mean"] + half),
        color=line["color"],
        alpha=0.18,
        linewidth=0,
    )
    ax.plot(stat.index, back(stat["mean"]), **line)


def layer_heat_map(evidence: Evidence) -> Figure:
    """L2 norm of the gradient of each layer over steps, first layer on top: geometric mean over seeds.

    Of many settings the mean is over all those of a dataset and model, which take the same steps.
    """
    losses = list(evidence.runs["loss"].unique())
    groups = list(by_setting(evidence.runs))
    if len(groups) > panels.FEW:
        by = [name for name in ("dataset", "model") if name in groups[0][0]] or ["model"]
        groups = [
            (dict(zip(by, values, strict=True)), group) for values, group in evidence.runs.groupby(by, sort=False)
        ]
    norms = [
        (setting, {loss: _layer_norms(_of(evidence.steps, runs)) for loss, runs in group.groupby("loss", sort=False)})
        for setting, group in groups
    ]
    every = np.concatenate([layers.to_numpy().ravel() for _, by_loss in norms for layers in by_loss.values()])
    colors = LogNorm(np.nanmin(every), np.nanmax(every))
    lines: list[str] = []  # what each line of rectangles is: a layer, in a setting if there are several
    fig = new_figure(PAGE_WIDTH, 2)
    axes = np.atleast_1d(fig.subplots(1, len(losses), sharex=True, sharey=True))
    for setting, by_loss in norms:
        layers = next(iter(by_loss.values())).columns
        for loss, of_loss in by_loss.items():
            edges = np.append(0.5, of_loss.index + 0.5)
            tops = len(lines) + np.arange(len(layers) + 1)
            drawn = axes[losses.index(loss)].pcolormesh(edges, tops, of_loss.T, norm=colors, cmap="cividis")
        lines += [_title(setting, layer) for layer in layers]
    fig.set_figheight(0.7 + 0.17 * max(len(lines), 8))
    axes[0].set_yticks(np.arange(len(lines)) + 0.5, lines)
    axes[0].set_ylim(len(lines), 0)
    logarithmic(axes[0].xaxis)
    for ax, loss in zip(axes, losses, strict=True):
        ax.grid(visible=False)
        ax.set_title(loss_names(evidence)[loss], loc="left")
        ax.set_xlabel("step")
    fig.colorbar(drawn, ax=axes, label="gradient norm", aspect=30, format=LogFormatter())
    return fig


def _layer_norms(steps: pd.DataFrame) -> pd.DataFrame:
    """Rows: steps; columns: layers, from the norms of their variables ``<model>/<layer>/<variable>``."""
    prefix = "grad_norm/variable/"
    norms = steps.filter(like=prefix).dropna(axis="columns", how="all")
    layers = [column.removeprefix(prefix).rpartition("/")[0].split("/", 1)[-1] for column in norms]
    squares = (norms**2).T.groupby(layers, sort=False).sum().T
    return np.exp(np.log(squares[squares > 0]).groupby(steps["step"]).mean() / 2)


def gradient_by_probability(evidence: Evidence) -> Figure:
    """Logit-gradient norm over the probability of the true class, measured over all epochs and seeds.

    Thin: the closed form of losses without options where the other probability is all on one wrong class. Scale moves
    a line up or down; saturation bends it down on the left.
    """
    fig = new_figure(COLUMN_WIDTH, 2.5)
    ax = fig.subplots()
    styles, names = _styles(evidence), loss_names(evidence)
    grid = 1 / (1 + np.exp(-np.linspace(-10, 6, 300)))
    drawn: set[object] = set()
    for loss, group in evidence.runs.groupby("loss", sort=False):
        bins = _of(evidence.gradient_bins, group)
        seen = mean_of_bins(bins, ["p_low", "p_high"]).sort_values("p_low")  # epochs without an example lack a bin
        ax.plot((seen["p_low"] + seen["p_high"]) / 2, seen["mean"], marker="o", label=names[loss], **styles[loss])
        facts, num_classes = theory.LOSSES.get(loss), pd.to_numeric(group["num_classes"]).unique()
        if facts is None or facts.ce_over_loss is None or facts.gradient in drawn:
            continue  # unknown, with options, or the line of another name of the same loss
        drawn.add(facts.gradient)
        if num_classes.size == 1 and num_classes[0] > 1:
            norm = np.linalg.norm(theory.gradient_at(loss, grid, int(num_classes[0]), wrong_classes=1), axis=-1)
            ax.plot(grid, norm, color=styles[loss]["color"], linewidth=0.6)
    ax.set_xscale("logit")
    ax.set_xlim(3e-5, 0.9975)
    ticks = {1e-4: "0.0001", 1e-3: "0.001", 1e-2: "0.01", 0.1: "0.1", 0.5: "0.5", 0.9: "0.9", 0.99: "0.99"}
    ax.set_xticks(list(ticks), list(ticks.values()))
    ax.set_xlabel("probability of the true class")
    ax.set_ylabel("gradient norm, logits")
    logarithmic(ax.yaxis)
    ax.set_ylim(bottom=LEAST_NORM)
    ax.legend()
    return fig


def reliability(evidence: Evidence, calibrated: Sequence[bool] = (False, True)) -> Figure:
    """Accuracy over confidence on the test set, as trained and after temperature scaling.

    All seeds pooled; bins of fewer than 20 examples left out.
    """
    groups = list(by_setting(evidence.runs))
    styles, names = _styles(evidence), loss_names(evidence)
    titles = {False: "as trained", True: "after temperature scaling"}

    def draw(ax: Axes, group: pd.DataFrame, after: bool) -> None:
        ax.plot([0, 1], [0, 1], color="#7f7f7f", linewidth=0.8)
        for loss, runs in group.groupby("loss", sort=False):
            bins = _of(evidence.reliability, runs)
            bins = bins[bins["calibrated"] == after]
            count = bins.groupby("bin_low")["count"].sum()
            sums = bins[["confidence", "accuracy"]].mul(bins["count"], axis=0).groupby(bins["bin_low"]).sum()
            means = sums.div(count, axis=0)[count >= FEWEST_EXAMPLES]
            ax.plot(means["confidence"], means["accuracy"], marker="o", label=names[loss], **styles[loss])

    measures = {after: f"accuracy, {titles[after]}" for after in calibrated}
    return panels.panels(groups, draw, measures, "confidence", height=2.6, sharey=True)


def time_to_target(evidence: Evidence, targets: Sequence[float] = (0.9, 0.95, 0.97)) -> Figure:
    """Kaplan-Meier share of runs that have reached a validation accuracy, over epochs."""
    groups = list(by_setting(evidence.runs))
    styles, names = _styles(evidence), loss_names(evidence)

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


def differences(evidence: Evidence, reference: str, metrics: Sequence[str], claims: Sequence[Claim] = ()) -> Figure:
    """Paired difference of every other loss to the reference, with its 95% interval; one panel per metric.

    Shaded: less than the margin of the claims about this metric. NLL, Brier score and ECE of mse_logits, which trains
    no probabilities, are those of softmax(logits).

    Of several settings, whose differences may lie orders of magnitude apart, logarithmic beyond +-0.01 (thin lines).
    """
    groups = list(by_setting(evidence.runs))
    losses = [loss for loss in evidence.runs["loss"].unique() if loss != reference]
    shown = groups[: panels.MOST]
    # One line per loss if there is one setting, else one line per setting with the losses side by side.
    lines = (
        [loss_names(evidence)[loss] for loss in losses]
        if len(groups) == 1
        else [described(setting) for setting, _ in shown]
    )
    step = 0.6 / max(len(losses) - 1, 1) if len(groups) > 1 else 1
    fig = new_figure(PAGE_WIDTH, 0.9 + (0.25 if len(groups) == 1 else 0.1 + 0.06 * len(losses)) * len(lines))
    styles, names = _styles(evidence), loss_names(evidence)
    axes = np.atleast_1d(fig.subplots(1, len(metrics), sharey=True))
    for ax, metric in zip(axes, metrics, strict=True):
        for i, loss in enumerate(losses):
            intervals = [effect(evidence, setting, group, metric, loss, reference).summary for setting, group in shown]
            at = [-line - step * i + (0.3 if len(groups) > 1 and len(losses) > 1 else 0) for line in range(len(shown))]
            means = [d.mean for d in intervals]
            reach = [[d.mean - d.low for d in intervals], [d.high - d.mean for d in intervals]]
            ax.errorbar(
                means, at, xerr=reach, marker="o", linestyle="none", color=styles[loss]["color"], label=names[loss]
            )
        ax.axvline(0, color="#7f7f7f", linewidth=0.8, zorder=0)
        for margin in {claim.margin for claim in claims if claim.metric == metric and not claim.along}:
            ax.axvspan(-margin, margin, color="#f0f0f0", linewidth=0, zorder=-1)
        ax.set_title(label(metric), loc="left")
        if len(groups) == 1:
            ax.locator_params(axis="x", nbins=4)
        else:
            ax.set_xscale("symlog", linthresh=LINEAR, linscale=0.5)
            ax.margins(x=0.06)
            _ticks(ax)
        ax.grid(axis="y", visible=False)
        for line in range(1, len(shown)):
            ax.axhline(0.5 - line, color="#e5e5e5", linewidth=0.5, zorder=0)
    axes[0].set_yticks(-np.arange(len(lines)), lines)
    axes[0].set_ylim(-len(lines) + 0.4, 0.6)
    text = f"loss minus {names[reference]}, mean over seeds and 95% interval"
    if len(shown) < len(groups):
        text += f" (the first {len(shown)} of {len(groups)} settings; the tables have all)"
    fig.supxlabel(text, fontsize=8)
    if len(groups) > 1:
        panels.legend(fig)
    return fig


def _ticks(ax: Axes) -> None:
    """Zero, the last power of ten, and between them, without a label, one and the end of the linear part."""
    last = 10.0 ** np.floor(np.log10(max(*np.abs(ax.get_xlim()), 10 * LINEAR)))
    within = [size for size in (LINEAR, 1.0) if size < last]
    ax.set_xticks([-last, 0, last], [f"\u2212{last:g}", "0", f"{last:g}"])
    ax.set_xticks([sign * size for size in within for sign in (-1, 1)], minor=True)
    ax.grid(which="minor")


def _of(rows: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["run"].isin(runs["run"])]


def _styles(evidence: Evidence) -> dict[str, dict[str, Any]]:
    return loss_styles(list(evidence.runs["loss"].unique()))


def _title(setting: dict[str, Any], last: str) -> str:
    return ", ".join([*(str(value) for value in setting.values()), last])
