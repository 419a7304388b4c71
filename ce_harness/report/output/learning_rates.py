"""The learning rates that were tried and chosen, or values of whatever else was tuned: a table and a figure."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ce_harness.report.output import panels
from ce_harness.report.output.figures.curves import CROWDED, CURVES, ERROR
from ce_harness.report.output.formats import NOTHING
from ce_harness.report.output.labels import key_label, loss_names, setting_column, tuned
from ce_harness.report.output.style import in_parts_of_decades, logarithmic, loss_styles
from ce_harness.report.study import Evidence, Table
from ce_harness.report.verdicts.rates import BEST, chosen
from ce_harness.report.verdicts.settings import by_setting
from ce_harness.report.verdicts.tuning import CHOSEN_BY, as_numbers

DECADE = 10.0  # positive values this far apart and more are drawn on a log scale


def chosen_rates(evidence: Evidence) -> Table:
    """Per setting, the rate of each loss with the best mean validation accuracy at the last epoch.

    The same for other tuned keys: each is a column of the numbers and a line of what is shown.
    """
    frame, tunes, what, losses = chosen(evidence), evidence.tunes, tuned(evidence), loss_names(evidence)
    names = list(frame.columns[: frame.columns.get_loc("loss")])
    edges = list(frame.columns[-len(tunes) :])
    shown: dict[tuple[Any, ...], dict[str, str]] = {}
    for row in frame.to_dict("records"):
        setting = {name: row[name] for name in names}
        for key, edge in zip(tunes, edges, strict=True):
            name = {"key": key_label(key)} if len(tunes) > 1 else {}
            line = shown.setdefault((*setting.values(), key), setting_column(setting) | name)
            line[losses[row["loss"]]] = _shown(row[key]) + (" (edge)" if row[edge] else "")
    seeds = set((evidence.tuning if len(evidence.tuning) else evidence.runs)["seed"])
    value = what.rpartition(" ")[2]
    notes = [
        f"Chosen by the mean validation accuracy of {len(seeds)} seeds at the last epoch; the test set plays no part. "
        f"Of several equally good {value}s the smallest is taken."
    ]
    if seeds.isdisjoint(evidence.runs["seed"]):
        notes.append("These seeds are used for nothing else.")
    if frame[edges].any(axis=None):
        notes.append(f"Edge: the best {value} is the smallest or largest tried; a better one may lie beyond.")
    if len(frame[[*names, "rates_tried"]].drop_duplicates()) * len(tunes) > len(shown):
        notes.append(f"The losses were not tried at equally many {value}s.")
    title = f"{what.capitalize()} of each loss"
    return Table(title, frame, pd.DataFrame(shown.values()).fillna(NOTHING), tuple(notes))


def _shown(value: object) -> str:
    try:
        return f"{float(str(value)):g}"
    except ValueError:
        return str(value) or NOTHING


def accuracy_by_rate(evidence: Evidence) -> Figure:
    """Validation accuracy at the last epoch over the learning rate: mean, smallest and largest of the tuning seeds.

    Large: the rate chosen. A rate at which a run diverged has no point. Where a loss ends above 90%: validation error,
    on logarithmic axes.
    """
    tuning = evidence.tuning if len(evidence.tuning) else evidence.runs
    rates, (key, *others) = chosen(evidence), evidence.tunes
    tuning, rates = (runs.assign(**{key: as_numbers(runs[key])}) for runs in (tuning, rates))
    crowded, y = rates[CHOSEN_BY].max() > CROWDED and tuning[CHOSEN_BY].min() < 1, CHOSEN_BY
    if crowded:
        y, errors = ERROR, 1 - tuning[CHOSEN_BY]
        least = errors[errors > 0].min() / 2  # no error at all is drawn below all others: a log axis has no place for 0
        tuning, rates = (runs.assign(**{ERROR: (1 - runs[CHOSEN_BY]).clip(lower=least)}) for runs in (tuning, rates))
    styles, names = loss_styles(tuning["loss"].unique()), loss_names(evidence)

    def draw(ax: Axes, group: pd.DataFrame) -> None:
        for loss, runs in group.groupby("loss", sort=False):
            by_rate = runs.groupby(key)[y].agg(["mean", "min", "max", "count"])
            by_rate = by_rate[by_rate["count"] == runs.groupby(key).size()]
            # Of three equal values the mean, rounded, may lie beyond them.
            mean = by_rate["mean"]
            error = [(mean - by_rate["min"]).clip(lower=0), (by_rate["max"] - mean).clip(lower=0)]
            ax.errorbar(
                by_rate.index, by_rate["mean"], yerr=error, marker="o", markersize=2, label=names[loss], **styles[loss]
            )
            setting = [*rates.columns[: rates.columns.get_loc(key)], *others]
            best = rates.merge(runs[setting].head(1), on=setting)
            ax.plot(best[key], best[y], marker="o", markersize=5, color=styles[loss]["color"])
        if _spans_a_decade(tuning[key]):
            logarithmic(ax.xaxis)
        if crowded:
            in_parts_of_decades(ax.yaxis)

    at_any_rate = by_setting(tuning.assign(**{key: BEST}))
    drawn = [(setting, tuning.loc[group.index]) for setting, group in at_any_rate]
    title = "validation error" if crowded else CURVES[CHOSEN_BY]
    return panels.small_multiples(drawn, draw, x=key_label(key), y=title)


def _spans_a_decade(values: pd.Series) -> bool:
    is_positive = pd.api.types.is_numeric_dtype(values) and values.min() > 0
    return bool(is_positive and values.max() >= DECADE * values.min())
