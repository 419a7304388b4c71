"""The learning rates that were tried and chosen: a table and a figure."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ce_harness.report.output import panels
from ce_harness.report.output.formats import NOTHING
from ce_harness.report.output.labels import loss_names, setting_column
from ce_harness.report.output.style import logarithmic, loss_styles
from ce_harness.report.study import Evidence, Table
from ce_harness.report.verdicts.rates import BEST, chosen
from ce_harness.report.verdicts.settings import by_setting
from ce_harness.report.verdicts.tuning import CHOSEN_BY


def chosen_rates(evidence: Evidence) -> Table:
    """Per setting, the rate of each loss with the best mean validation accuracy at the last epoch."""
    frame, losses = chosen(evidence), loss_names(evidence)
    names = list(frame.columns[: frame.columns.get_loc("loss")])
    marks = frame["at_edge"].map({True: " (edge)", False: ""})
    rates = [f"{rate:g}{mark}" for rate, mark in zip(frame["learning_rate"], marks, strict=True)]
    shown: dict[tuple[Any, ...], dict[str, str]] = {}
    for row, rate in zip(frame.to_dict("records"), rates, strict=True):
        setting = {name: row[name] for name in names}
        shown.setdefault(tuple(setting.values()), setting_column(setting))[losses[row["loss"]]] = rate
    seeds = set((evidence.tuning if len(evidence.tuning) else evidence.runs)["seed"])
    notes = [
        f"Chosen by the mean validation accuracy of {len(seeds)} seeds at the last epoch; the test set plays no part. "
        "Of equally good rates the smallest is taken."
    ]
    if seeds.isdisjoint(evidence.runs["seed"]):
        notes.append("These seeds are used for nothing else.")
    if frame["at_edge"].any():
        notes.append("Edge: the best rate is the smallest or largest tried; a better one may lie beyond.")
    if len(frame[[*names, "rates_tried"]].drop_duplicates()) > len(shown):
        notes.append("The losses were not tried at equally many rates: diverged or missing runs left some out.")
    return Table("Learning rate of each loss", frame, pd.DataFrame(shown.values()).fillna(NOTHING), tuple(notes))


def accuracy_by_rate(evidence: Evidence) -> Figure:
    """Validation accuracy at the last epoch over the learning rate: mean, smallest and largest of the tuning seeds.

    Large: the rate chosen. A rate at which a run diverged has no point.
    """
    tuning = evidence.tuning if len(evidence.tuning) else evidence.runs
    rates = chosen(evidence)
    styles, names = loss_styles(tuning["loss"].unique()), loss_names(evidence)

    def draw(ax: Axes, group: pd.DataFrame) -> None:
        for loss, runs in group.groupby("loss", sort=False):
            by_rate = runs.groupby("learning_rate")[CHOSEN_BY].agg(["mean", "min", "max", "count"])
            by_rate = by_rate[by_rate["count"] == runs.groupby("learning_rate").size()]
            # Of three equal values the mean, rounded, may lie beyond them.
            mean = by_rate["mean"]
            error = [(mean - by_rate["min"]).clip(lower=0), (by_rate["max"] - mean).clip(lower=0)]
            ax.errorbar(
                by_rate.index, by_rate["mean"], yerr=error, marker="o", markersize=2, label=names[loss], **styles[loss]
            )
            setting = list(rates.columns[: rates.columns.get_loc("learning_rate")])
            best = rates.merge(runs[setting].head(1), on=setting)
            ax.plot(best["learning_rate"], best[CHOSEN_BY], marker="o", markersize=5, color=styles[loss]["color"])
        logarithmic(ax.xaxis)

    at_any_rate = by_setting(tuning.assign(learning_rate=BEST))
    drawn = [(setting, tuning.loc[group.index]) for setting, group in at_any_rate]
    return panels.small_multiples(drawn, draw, x="learning rate", y="validation accuracy")
