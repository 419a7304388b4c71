"""Each loss at its own best learning rate, chosen on validation over an equal grid."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure

from ce_harness.report.outcomes import settings
from ce_harness.report.statistics import summarize
from ce_harness.report.study import Evidence, Table
from ce_harness.report.style import COLUMN_WIDTH, loss_styles, new_figure

CHOSEN_BY = "val/accuracy"
BEST = "best of each loss"


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


def accuracy_by_rate(evidence: Evidence) -> Figure:
    """Validation accuracy at the last epoch over the learning rate, per loss."""
    fig = new_figure(COLUMN_WIDTH, 2.4)
    ax = fig.subplots()
    styles = loss_styles(list(evidence.runs["loss"].unique()))
    for loss, runs in evidence.runs.groupby("loss", sort=False):
        found = runs.groupby("learning_rate")[CHOSEN_BY].agg(summarize)
        ax.errorbar(
            found.index,
            [s.mean for s in found],
            yerr=[s.half_width for s in found],
            marker="o",
            label=loss,
            **styles[loss],
        )
    ax.set_xscale("log")
    ax.set_xlabel("learning rate")
    ax.set_ylabel("validation accuracy")
    ax.legend()
    return fig
