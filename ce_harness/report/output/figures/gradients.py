"""What the gradients do: layer by layer, and over the probability of the true class."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ce_harness import theory
from ce_harness.report.output import panels
from ce_harness.report.output.labels import loss_names
from ce_harness.report.output.style import COLUMN_WIDTH, PAGE_WIDTH, logarithmic, loss_styles, new_figure, power_of_ten
from ce_harness.report.study import Evidence
from ce_harness.report.verdicts.outcomes import WITHOUT_PROBABILITIES, mean_of_bins
from ce_harness.report.verdicts.settings import by_setting, described

STARTS = "model.head_stddev"  # of the weights: gradients of two starts lie decades apart
LEAST_NORM = 1e-3  # smaller gradients on the logits of an example are not drawn
PROBABILITIES = {1e-4: "0.0001", 1e-3: "0.001", 1e-2: "0.01", 0.1: "0.1", 0.5: "0.5", 0.9: "0.9", 0.99: "0.99"}


def layer_heat_map(evidence: Evidence) -> Figure:
    """L2 norm of the gradient of each layer over steps, first layer on top: geometric mean over seeds.

    With many settings, the mean is over all those of a dataset, model and start, which take the same steps. Two names
    of one loss are one panel.
    """
    losses = [names[0] for names in theory.by_gradient(evidence.runs["loss"].unique())]
    groups = list(by_setting(evidence.runs))
    if len(groups) > panels.FEW:
        by = [name for name in ("dataset", "model", evidence.apart or STARTS) if name in groups[0][0]] or ["model"]
        groups = [
            (dict(zip(by, values, strict=True)), group) for values, group in evidence.runs.groupby(by, sort=False)
        ]
    norms = [
        (
            setting,
            {
                loss: _layer_norms(panels.rows_of(runs, evidence.steps))
                for loss, runs in group.groupby("loss", sort=False)
                if loss in losses
            },
        )
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
        lines += [", ".join(filter(None, [described(setting), layer])) for layer in layers]
    fig.set_figheight(0.7 + 0.17 * max(len(lines), 8))
    axes[0].set_yticks(np.arange(len(lines)) + 0.5, lines)
    axes[0].set_ylim(len(lines), 0)
    logarithmic(axes[0].xaxis)
    for ax, loss in zip(axes, losses, strict=True):
        ax.grid(visible=False)
        ax.set_title(textwrap.fill(loss_names(evidence)[loss], 40 // len(losses)), loc="left")
        ax.set_xlabel("step")
    fig.colorbar(drawn, ax=axes, label="gradient norm", aspect=30, format=power_of_ten)
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
    a line up or down; saturation bends it down on the left. Two names of one loss are one line. Losses on raw logits
    train no probabilities, and have none.
    """
    runs, apart = evidence.runs, evidence.apart or STARTS
    parts = list(runs.groupby(apart, sort=False)) if apart in runs else [("", runs)]
    fig = new_figure(COLUMN_WIDTH if len(parts) == 1 else PAGE_WIDTH, 2.7)
    axes = fig.subplots(1, len(parts), sharey=True, squeeze=False)[0]
    for ax, (value, of_part) in zip(axes, parts, strict=True):
        for losses in theory.by_gradient(of_part["loss"].unique()):
            if losses[0] not in WITHOUT_PROBABILITIES:
                _draw_by_probability(ax, evidence, losses, of_part[of_part["loss"].isin(losses)])
        ax.set_title(described({apart: value}) if len(parts) > 1 else "", loc="left")
        ax.set_xscale("logit")
        ax.set_xlim(3e-5, 0.9975)
        ax.set_xticks(list(PROBABILITIES), list(PROBABILITIES.values()))
        ax.minorticks_off()
        ax.set_xlabel("probability of the true class")
    axes[0].set_ylabel("gradient norm, logits")
    logarithmic(axes[0].yaxis)
    axes[0].set_ylim(bottom=LEAST_NORM)
    panels.legend(fig)
    return fig


def _draw_by_probability(ax: Axes, evidence: Evidence, losses: list[str], runs: pd.DataFrame) -> None:
    names, style = loss_names(evidence), loss_styles(evidence.runs["loss"].unique())[losses[0]]
    bins = panels.rows_of(runs, evidence.gradient_bins)
    seen = mean_of_bins(bins, ["p_low", "p_high"]).sort_values("p_low")  # epochs without an example lack a bin
    name = " = ".join(names[loss] for loss in losses)
    ax.plot((seen["p_low"] + seen["p_high"]) / 2, seen["mean"], marker="o", label=name, **style)
    facts, num_classes = theory.LOSSES.get(losses[0]), pd.to_numeric(runs["num_classes"]).unique()
    if facts is None or facts.ce_over_loss is None or num_classes.size > 1 or not num_classes[0] > 1:
        return  # unknown, with options, or of several numbers of classes
    p_true = 1 / (1 + np.exp(-np.linspace(-10, 6, 300)))
    norm = np.linalg.norm(theory.gradient_at(losses[0], p_true, int(num_classes[0]), wrong_classes=1), axis=-1)
    ax.plot(p_true, norm, color=style["color"], linewidth=0.6)
