"""How far each loss lies from the one that it is compared with."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ce_harness.report.output import panels
from ce_harness.report.output.labels import check_reference, label, loss_names
from ce_harness.report.output.style import PAGE_WIDTH, loss_styles, new_figure
from ce_harness.report.study import Claim, Evidence
from ce_harness.report.verdicts.pairings import effect
from ce_harness.report.verdicts.settings import by_setting, described

LAST_LINEAR = -2
LINEAR = 10.0**LAST_LINEAR  # smaller differences are drawn to scale where the axis is logarithmic
LINEAR_PART = 0.5  # from 0 to there, as a share of a decade's length
LABEL = 0.3  # inches that a number on the axis takes
SETTING = 28  # characters in a line of a setting's name


def differences(evidence: Evidence, reference: str, metrics: Sequence[str], claims: Sequence[Claim] = ()) -> Figure:
    """Paired difference of every other loss to the reference, with its 95% interval; one panel per metric.

    Grey band: what would not matter, by the margin of the study's claims. With several settings the axis is
    logarithmic beyond +-0.01. NLL, Brier score and ECE are not compared with those of
    losses on raw logits, which train no probabilities.
    """
    check_reference(reference, evidence)
    groups = list(by_setting(evidence.runs))
    losses = [loss for loss in evidence.runs["loss"].unique() if loss != reference]
    shown, several = groups[: panels.MOST], len(groups) > 1
    styles, names = loss_styles(evidence.runs["loss"].unique()), loss_names(evidence)
    # One line per loss if there is one setting, else one line per setting with the losses side by side.
    lines = [textwrap.fill(described(setting), SETTING) for setting, _ in shown]
    lines = lines if several else [names[loss] for loss in losses]
    apart = 0.6 / max(len(losses) - 1, 1) if several else 1
    first = 0.3 if several and len(losses) > 1 else 0
    deepest = 1 + max(line.count("\n") for line in lines)
    height = max(0.14 + 0.06 * len(losses), 0.125 * deepest) if several else 0.25
    fig = new_figure(PAGE_WIDTH, 0.9 + height * len(lines))
    axes = np.atleast_1d(fig.subplots(1, len(metrics), sharey=True))
    for ax, metric in zip(axes, metrics, strict=True):
        for i, loss in enumerate(losses):
            intervals = [effect(evidence, setting, group, metric, loss, reference).summary for setting, group in shown]
            at = [first - line - apart * i for line in range(len(shown))]
            means = [d.mean for d in intervals]
            reach = [[d.mean - d.low for d in intervals], [d.high - d.mean for d in intervals]]
            ax.errorbar(
                means, at, xerr=reach, marker="o", linestyle="none", color=styles[loss]["color"], label=names[loss]
            )
        if margin := _margin(claims or evidence.claims, metric):
            ax.axvspan(-margin, margin, color="#ededed", zorder=0)
        ax.axvline(0, color="#7f7f7f", linewidth=0.8, zorder=0.5)
        ax.set_title(label(metric), loc="left")
        if several:
            ax.set_xscale("symlog", linthresh=LINEAR, linscale=LINEAR_PART)
            ax.margins(x=0.06)
            _ticks(ax, 0.8 * PAGE_WIDTH / len(metrics))
        else:
            ax.locator_params(axis="x", nbins=3)
        ax.grid(axis="y", visible=False)
        for line in range(1, len(shown)):
            ax.axhline(0.5 - line, color="#e5e5e5", linewidth=0.5, zorder=0)
    axes[0].set_yticks(-np.arange(len(lines)), lines)
    axes[0].set_ylim(-len(lines) + 0.4, 0.6)
    text = f"loss minus {names[reference]}, mean over seeds and 95% interval"
    if any(_margin(claims or evidence.claims, metric) for metric in metrics):
        text += "; grey: what would not matter"
    if several:
        text += f"\nlogarithmic beyond \u00b1{LINEAR:g}, with a line at each power of ten"
    if len(shown) < len(groups):
        text += f" (the first {len(shown)} of {len(groups)} settings; the tables have all)"
    fig.supxlabel(text)
    if several:
        panels.legend(fig)
    return fig


def _margin(claims: Sequence[Claim], metric: str) -> float | None:
    """The least difference that matters to the claims; None where they say nothing of the metric."""
    margins = {claim.margin for claim in claims if claim.metric == metric and not claim.ratio and not claim.along}
    return min(margins, default=None)


def _ticks(ax: Axes, width: float) -> None:
    """Zero and the powers of ten, from the last one inwards with a label where there is room for it.

    Args:
        width: of the panel, inches.
    """
    last = max(int(np.floor(np.log10(np.abs(ax.get_xlim()).max()))), LAST_LINEAR)
    powers = range(last, LAST_LINEAR - 1, -1)
    decade = width / 2 / (last - LAST_LINEAR + 1 + LINEAR_PART)
    labelled: list[int] = []
    for power in powers:
        from_zero = (power - LAST_LINEAR + LINEAR_PART) * decade
        if from_zero >= LABEL and (not labelled or (labelled[-1] - power) * decade >= LABEL):
            labelled.append(power)
    at = {sign * 10.0**power: power in labelled or power == last for power in powers for sign in (-1, 1)}
    ax.set_xticks([0, *(x for x in at if at[x])])
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:g}".replace("-", "\u2212"))
    ax.set_xticks([x for x in at if not at[x]], minor=True)
    ax.grid(which="minor")
