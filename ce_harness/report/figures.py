"""Figures that any study of several losses can use."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from scipy import stats

from ce_harness.report import statistics
from ce_harness.report.outcomes import by_setting, horizon, label, mean_norms, outcome, paired
from ce_harness.report.statistics import summarize
from ce_harness.report.study import Evidence
from ce_harness.report.style import COLUMN_WIDTH, PAGE_WIDTH, loss_styles, new_figure

# Norm of the logit gradient where p is on the true class and 1 - p on one wrong class. From dl/dz = p - y for
# cross-entropy and 2 p_i [(p_i - y_i) - sum_j p_j (p_j - y_j)] for squared error summed over classes.
CONFIDENTLY_WRONG = {
    "softmax_ce": lambda p: np.sqrt(2) * (1 - p),
    "mse": lambda p: 4 * np.sqrt(2) * p * (1 - p) ** 2,
}
# Bins of a reliability diagram with fewer examples say more of chance than of calibration.
FEWEST_EXAMPLES = 20


def learning_curves(evidence: Evidence) -> Figure:
    """Validation accuracy and NLL over epochs, per loss."""
    panels = {"val/accuracy": "validation accuracy", "val/nll": "validation NLL (nats)"}
    return _series(evidence, evidence.epochs, "epoch", panels)


def gradient_norms(evidence: Evidence) -> Figure:
    """L2 norm of the gradient over steps, per loss: of all weights, and on the logits of one example."""
    panels = {"grad_norm/global": "gradient norm, all weights", "grad_norm/logits": "gradient norm, logits"}
    return _series(evidence, evidence.steps, "step", panels, log=True)


def layer_heat_map(evidence: Evidence) -> Figure:
    """L2 norm of the gradient of each layer over steps, first layer on top: geometric mean over seeds."""
    losses = list(evidence.runs["loss"].unique())
    norms = [
        (setting, {loss: _layer_norms(_of(evidence.steps, runs)) for loss, runs in group.groupby("loss", sort=False)})
        for setting, group in by_setting(evidence.runs)
    ]
    every = np.concatenate([found.to_numpy().ravel() for _, by_loss in norms for found in by_loss.values()])
    colors = LogNorm(np.nanmin(every), np.nanmax(every))
    lines = []  # what each line of cells is: a layer, in a setting if there are several
    fig = new_figure(PAGE_WIDTH, 2)
    axes = np.atleast_1d(fig.subplots(1, len(losses), sharex=True, sharey=True))
    for setting, by_loss in norms:
        layers = next(iter(by_loss.values())).columns
        for loss, found in by_loss.items():
            edges = np.append(0.5, found.index + 0.5)
            tops = len(lines) + np.arange(len(layers) + 1)
            drawn = axes[losses.index(loss)].pcolormesh(edges, tops, found.T, norm=colors, cmap="cividis")
        lines += [_title(setting, layer) for layer in layers]
    fig.set_figheight(0.7 + 0.17 * max(len(lines), 8))
    axes[0].set_yticks(np.arange(len(lines)) + 0.5, lines)
    axes[0].set_ylim(len(lines), 0)
    axes[0].set_xscale("log")
    for ax, loss in zip(axes, losses, strict=True):
        ax.grid(visible=False)
        ax.set_title(loss, loc="left")
        ax.set_xlabel("step")
    fig.colorbar(drawn, ax=axes, label="gradient norm", aspect=30)
    return fig


def _layer_norms(steps: pd.DataFrame) -> pd.DataFrame:
    """Rows: steps; columns: layers, from the norms of their variables ``<model>/<layer>/<variable>``."""
    prefix = "grad_norm/variable/"
    norms = steps.filter(like=prefix).dropna(axis="columns", how="all")
    layers = [column.removeprefix(prefix).rpartition("/")[0].split("/", 1)[-1] for column in norms]
    squares = (norms**2).T.groupby(layers, sort=False).sum().T
    return np.exp(np.log(squares[squares > 0]).groupby(steps["step"]).mean() / 2)


def _series(evidence: Evidence, rows: pd.DataFrame, x: str, panels: dict[str, str], log: bool = False) -> Figure:
    """One row of panels per setting; lines are means over seeds, bands their 95% t intervals."""
    cells = list(by_setting(evidence.runs))
    fig = new_figure(PAGE_WIDTH, 2.35 * len(cells))
    axes = fig.subplots(len(cells), len(panels), squeeze=False, sharex=True)
    styles = _styles(evidence)
    for (setting, group), line in zip(cells, axes, strict=True):
        for ax, (column, title) in zip(line, panels.items(), strict=True):
            for loss, runs in group.groupby("loss", sort=False):
                seen = _of(rows, runs)
                draw_band(ax, seen, x, column, label=f"{loss} (n = {len(runs)})", log=log, **styles[loss])
            ax.set_ylabel(title)
            if log:
                ax.set_xscale("log")
                ax.set_yscale("log")
                ax.minorticks_off()
        if setting:
            line[0].set_title(", ".join(str(v) for v in setting.values()), loc="left")
    for ax in axes[-1]:
        ax.set_xlabel(x)
    axes[0, 0].legend()
    return fig


def draw_band(ax, rows: pd.DataFrame, x: str, y: str, log: bool = False, **line) -> None:
    """Draw the mean over runs and its 95% t interval; geometric mean on a log axis."""
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


def gradient_by_probability(evidence: Evidence) -> Figure:
    """Logit-gradient norm over the probability of the true class, measured over all epochs and seeds.

    Thin: the closed form where the other probability is all on one wrong class.
    """
    fig = new_figure(COLUMN_WIDTH, 2.5)
    ax = fig.subplots()
    styles = _styles(evidence)
    grid = 1 / (1 + np.exp(-np.linspace(-10, 6, 300)))
    for loss, group in evidence.runs.groupby("loss", sort=False):
        bins = _of(evidence.gradient_bins, group)
        seen = mean_norms(bins, ["p_low", "p_high"])
        ax.plot((seen["p_low"] + seen["p_high"]) / 2, seen["norm"], marker="o", label=loss, **styles[loss])
        if loss in CONFIDENTLY_WRONG:
            ax.plot(grid, CONFIDENTLY_WRONG[loss](grid), color=styles[loss]["color"], linewidth=0.6)
    ax.set_xscale("logit")
    ax.set_xlim(3e-5, 0.9975)
    ticks = {1e-4: "0.0001", 1e-3: "0.001", 1e-2: "0.01", 0.1: "0.1", 0.5: "0.5", 0.9: "0.9", 0.99: "0.99"}
    ax.set_xticks(list(ticks), list(ticks.values()))
    ax.set_xlabel("probability of the true class")
    ax.set_ylabel("gradient norm, logits")
    ax.set_ylim(bottom=0)
    ax.legend()
    return fig


def reliability(evidence: Evidence) -> Figure:
    """Accuracy over confidence on the test set, all seeds pooled; bins of fewer than 20 examples left out."""
    fig = new_figure(PAGE_WIDTH, 2.6)
    styles = _styles(evidence)
    for ax, calibrated in zip(fig.subplots(1, 2, sharey=True), (False, True), strict=True):
        ax.plot([0, 1], [0, 1], color="#7f7f7f", linewidth=0.8)
        for loss, group in evidence.runs.groupby("loss", sort=False):
            bins = _of(evidence.reliability, group)
            bins = bins[bins["calibrated"] == calibrated]
            count = bins.groupby("bin_low")["count"].sum()
            sums = bins[["confidence", "accuracy"]].mul(bins["count"], axis=0).groupby(bins["bin_low"]).sum()
            means = sums.div(count, axis=0)[count >= FEWEST_EXAMPLES]
            ax.plot(means["confidence"], means["accuracy"], marker="o", label=loss, **styles[loss])
        ax.set_title("after temperature scaling" if calibrated else "as trained", loc="left")
        ax.set_xlabel("confidence")
    fig.axes[0].set_ylabel("accuracy")
    fig.axes[0].legend()
    return fig


def time_to_target(evidence: Evidence, targets: Sequence[float] = (0.9, 0.95, 0.97)) -> Figure:
    """Kaplan-Meier share of runs that have reached a validation accuracy, over epochs."""
    cells = list(by_setting(evidence.runs))
    fig = new_figure(PAGE_WIDTH, 2.1 * len(cells))
    axes = fig.subplots(len(cells), len(targets), squeeze=False, sharex=True, sharey=True)
    styles = _styles(evidence)
    for (setting, group), line in zip(cells, axes, strict=True):
        for ax, target in zip(line, targets, strict=True):
            metric = f"epochs_to/{target:g}"
            end = horizon(evidence, group)
            for loss, runs in group.groupby("loss", sort=False):
                at, share = statistics.survival(outcome(evidence, metric)[runs.index], end)
                reached = np.append(1 - share, 1 - share[-1] if len(share) else 0)
                ax.step(
                    [0, *at, end],
                    [0, *reached],
                    where="post",
                    label=f"{loss} (n = {len(runs)})",
                    **styles[loss],
                )
            ax.set_title(_title(setting, f"{target:.0%}"), loc="left")
        line[0].set_ylabel("share of runs at target")
    for ax in axes[-1]:
        ax.set_xlabel("epoch")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(styles))
    return fig


def differences(evidence: Evidence, reference: str, metrics: Sequence[str]) -> Figure:
    """Paired difference of every other loss to the reference, with its 95% interval; one panel per metric."""
    lines = [
        (setting, group, loss)
        for setting, group in by_setting(evidence.runs)
        for loss in group["loss"].unique()
        if loss != reference
    ]
    fig = new_figure(PAGE_WIDTH, 0.9 + 0.25 * len(lines))
    styles = _styles(evidence)
    axes = np.atleast_1d(fig.subplots(1, len(metrics), sharey=True))
    for ax, metric in zip(axes, metrics, strict=True):
        for i, (_, group, loss) in enumerate(lines):
            d = summarize(np.subtract(*paired(evidence, group, metric, loss, reference).T))
            ax.errorbar(d.mean, -i, xerr=d.half_width, marker="o", color=styles[loss]["color"])
        ax.axvline(0, color="#7f7f7f", linewidth=0.8, zorder=0)
        ax.set_title(label(metric), loc="left")
        ax.locator_params(axis="x", nbins=4)
        ax.grid(axis="y", visible=False)
    axes[0].set_yticks(-np.arange(len(lines)), [_title(setting, loss) for setting, _, loss in lines])
    axes[0].set_ylim(-len(lines) + 0.4, 0.6)
    fig.supxlabel(f"loss minus {reference}, mean over seeds and 95% interval", fontsize=8)
    return fig


def _of(rows: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["run"].isin(runs["run"])]


def _styles(evidence: Evidence) -> dict[str, dict]:
    return loss_styles(list(evidence.runs["loss"].unique()))


def _title(setting: dict, last: str) -> str:
    return ", ".join([*(str(value) for value in setting.values()), last])
