"""Each loss at its own best learning rate, chosen on validation over an equal grid."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure

from ce_harness.report.outcomes import by_setting, settings
from ce_harness.report.statistics import summarize
from ce_harness.report.study import Evidence, Table
from ce_harness.report.style import COLUMN_WIDTH, loss_styles, new_figure

CHOSEN_BY = "val/accuracy"
BEST = "best of each loss"
# Norm of cross-entropy's logit gradient over that of each loss at a uniform prediction over K classes, where
# p - y meets 2 p_i [(p_i - y_i) - sum_j p_j (p_j - y_j)].
CE_OVER_LOSS = {
    "softmax_ce": lambda k: 1.0,
    "builtin_ce": lambda k: 1.0,
    "mse": lambda k: k / 2,
    "mse_mean": lambda k: k**2 / 2,
}
EQUAL_SCALE = "Verdicts at equal gradient scale"
EQUAL_SCALE_NOTE = (
    "Learning rates are those of cross-entropy; mse was trained at K/2 times the rate, mse_mean at K^2/2 times, which "
    "makes the first steps on the logits equally large at a uniform prediction over K classes."
)


def chosen_rates(evidence: Evidence) -> Table:
    """Per setting and loss, the rate with the best mean validation accuracy at the last epoch.

    Of equally good rates the smallest is taken. A best rate at the edge of its grid is flagged: a better one
    may lie beyond it.
    """
    runs = evidence.runs
    cell = [*(name for name in settings(runs) if name != "learning_rate"), "loss"]
    rows = []
    for values, group in runs.groupby(cell, sort=False):
        means = group.groupby("learning_rate")[CHOSEN_BY].mean()
        best = means.idxmax()
        rows.append(
            dict(zip(cell, values, strict=True))
            | {"learning_rate": best, CHOSEN_BY: means[best], "rates_tried": len(means)}
            | {"at_edge": len(means) > 1 and best in (means.index.min(), means.index.max())}
        )
    frame = pd.DataFrame(rows)
    shown = frame.assign(at_edge=frame["at_edge"].map({True: "at the edge of the grid", False: ""}))
    notes = ["Chosen by the mean validation accuracy over seeds at the last epoch; the test set plays no part."]
    if frame["rates_tried"].nunique() > 1:
        notes.append("The losses were not tried at equally many rates: diverged or missing runs left some out.")
    return Table("Learning rate of each loss", frame, shown, tuple(notes))


def at_best_rates(evidence: Evidence) -> Evidence:
    """The runs at the chosen rates, all under one name for their rate, so that they pair by seed."""
    chosen = chosen_rates(evidence).frame
    cell = [*chosen.columns[: chosen.columns.get_loc("learning_rate")], "learning_rate"]
    keep = evidence.runs.set_index(cell).index.isin(chosen.set_index(cell).index)
    return replace(evidence, runs=evidence.runs[keep].assign(learning_rate=BEST))


def at_equal_gradient_scale(evidence: Evidence) -> Evidence:
    """The runs, each under the rate at which cross-entropy takes a first step of the same size on the logits.

    At a uniform prediction over K classes the norm of cross-entropy's logit gradient is K / 2 times that of
    ``mse`` and K^2 / 2 times that of ``mse_mean``, so their rate divided by this factor is the rate of equal
    scale. Kept are the runs at rates where another loss has runs of equal scale; losses without a factor and
    runs that don't say their number of classes are left out.
    """
    runs = evidence.runs
    factors = pd.Series(math.nan, runs.index)
    for loss, factor in CE_OVER_LOSS.items():
        factors = factors.mask(runs["loss"] == loss, factor(runs["num_classes"]))
    # Rounded so that .25 / 5 and .05 are one rate.
    scaled = runs.assign(learning_rate=[float(f"{rate:.6g}") for rate in runs["learning_rate"] / factors])
    scaled = scaled[factors.notna()]
    cell = [*(name for name in settings(runs) if name != "learning_rate"), "learning_rate"]
    shared = scaled.groupby(cell)["loss"].transform("nunique") > 1
    return replace(evidence, runs=scaled[shared].reset_index(drop=True))


def accuracy_by_rate(evidence: Evidence) -> Figure:
    """Validation accuracy at the last epoch over the learning rate, per loss: means over seeds, 95% intervals."""
    cells = list(by_setting(evidence.runs.assign(learning_rate=BEST)))
    fig = new_figure(COLUMN_WIDTH, 2.4 * len(cells))
    styles = loss_styles(list(evidence.runs["loss"].unique()))
    axes = fig.subplots(len(cells), 1, squeeze=False, sharex=True).ravel()
    for (setting, group), ax in zip(cells, axes, strict=True):
        for loss, runs in evidence.runs.loc[group.index].groupby("loss", sort=False):
            found = runs.groupby("learning_rate")[CHOSEN_BY].agg(summarize)
            means, halves = [s.mean for s in found], [s.half_width for s in found]
            ax.errorbar(found.index, means, yerr=halves, marker="o", label=loss, **styles[loss])
        ax.set_xscale("log")
        ax.set_ylabel("validation accuracy")
        ax.set_title(", ".join(str(value) for value in setting.values()), loc="left")
    axes[-1].set_xlabel("learning rate")
    axes[0].legend()
    return fig
