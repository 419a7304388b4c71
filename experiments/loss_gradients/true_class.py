"""How strongly each loss raises the true class's logit, -dl/dz_y: the measure of saturation that scale can't hide.

A norm can: where the true class has next to no probability, squared error still moves mass between the wrong classes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import special

from ce_harness.report.output import panels
from ce_harness.report.output.labels import built_in_labels
from ce_harness.report.output.style import COLUMN_WIDTH, logarithmic, loss_styles, new_figure
from ce_harness.report.study import Evidence, Table
from ce_harness.theory import LOSSES, by_gradient, slope_in_decades, true_class_gradient

from .logits import TARGET_BEYOND, automatic_gradient, named, spread_evenly

NUM_CLASSES = 10
P_TRUE = (0.1, 1e-2, 1e-3, 1e-4)  # from uniform to surely wrong


def table(_: Evidence) -> Table:
    """The gradient at four probabilities, and the slope through them."""
    rows = []
    for loss in LOSSES:
        gradient = true_class_gradient(loss, P_TRUE, NUM_CLASSES)
        at = {f"p = {p:g}": value for p, value in zip(P_TRUE, gradient, strict=True)}
        rows.append({"loss": loss, **at, "slope": slope_in_decades(P_TRUE, gradient)})
    frame = pd.DataFrame(rows)
    shown = frame.map(lambda value: f"{value:.3g}" if isinstance(value, float) else value)
    shown["loss"] = frame["loss"].map(built_in_labels())
    shown["slope"] = frame["slope"].map("{:+.2f}".format)
    return Table(
        f"-dl/dz of the true class, {NUM_CLASSES} classes, the rest of the probability spread evenly",
        frame,
        shown,
        (
            "Slope: of log10(-dl/dz) over log10(p). A loss that does not saturate has 0: what it does for the true "
            "class stays as p falls. One that saturates has 1: with each decade of p it loses a decade.",
            "The slope is free of scale: a factor on the loss, or on the learning rate, leaves it as it is.",
        ),
    )


def curves(_: Evidence) -> Figure:
    """Closed forms as lines, automatic differentiation as points.

    Two names of one loss are one line. Left out: MSE on logits, rescaled, whose target of 15 lies beyond these logits.
    """
    p_true = special.expit(np.linspace(special.logit(1e-4), special.logit(0.9), 181))
    fig = new_figure(COLUMN_WIDTH, 4.1)
    ax = fig.subplots()
    styles = loss_styles(LOSSES)
    for losses in by_gradient(LOSSES):
        if losses[0] == TARGET_BEYOND:
            continue
        gradient = true_class_gradient(losses[0], p_true, NUM_CLASSES)
        ax.plot(p_true, gradient, label=named(losses), **styles[losses[0]])
        for loss in losses:
            some = slice(3 * list(LOSSES).index(loss) + 5, None, 30)
            points = -automatic_gradient(loss, spread_evenly(p_true[some], NUM_CLASSES))[:, 0]
            ax.plot(p_true[some], points, "o", color=styles[loss]["color"], markersize=2.5)
    ax.plot([], [], "o", color="#555555", markersize=2.5, label="autodiff")
    ax.axvline(1 / NUM_CLASSES, color="#555555", linewidth=0.8, linestyle=":")
    logarithmic(ax.xaxis, ax.yaxis)
    ax.set_xlim(p_true[0], p_true[-1])
    ax.set_xlabel("probability of the true class (dotted: uniform)")
    ax.set_ylabel("-dl/dz of the true class")
    panels.legend(fig)
    return fig
