"""Comparisons where the learning rates differ: at equal rates, at equal gradient scale, at each loss's own best."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure

from ce_harness.report.output import panels
from ce_harness.report.output.formats import NOTHING
from ce_harness.report.output.style import loss_styles
from ce_harness.report.study import Evidence, Table
from ce_harness.report.verdicts.outcomes import by_setting, setting_cell, settings
from ce_harness.report.verdicts.tuning import CHOSEN_BY, choose
from ce_harness.theory import LOSSES

BEST = "the best of each loss"
EQUAL_RATE = "Every pair was trained at the same learning rate; settings in which the losses share none are left out."
EQUAL_SCALE = (
    "Learning rates are those of cross-entropy; mse was trained at K/2 times the rate, mse_mean at K^2/2 times, which "
    "makes the first steps on the logits equally large at a uniform prediction over K classes. Settings without such "
    "a pair of rates are left out."
)


def differ(evidence: Evidence) -> bool:
    """Whether the runs differ in the learning rate."""
    return len(evidence.tuning) > 0 or evidence.runs.get("learning_rate", pd.Series()).nunique() > 1


def views(evidence: Evidence) -> Iterator[tuple[str, Evidence, str]]:
    """Yield (name, runs compared, note) of every other way to pair runs whose rates differ."""
    for name, found, note in (
        ("at_equal_rates", at_equal_rates(evidence), EQUAL_RATE),
        ("at_equal_gradient_scale", at_equal_gradient_scale(evidence), EQUAL_SCALE),
    ):
        if len(found.runs):
            yield name, found, note


def _chosen(evidence: Evidence) -> pd.DataFrame:
    runs = evidence.tuning if len(evidence.tuning) else evidence.runs
    return choose(runs, [*(name for name in settings(runs) if name != "learning_rate"), "loss"])


def chosen_rates(evidence: Evidence) -> Table:
    """Per setting, the rate of each loss with the best mean validation accuracy at the last epoch."""
    frame = _chosen(evidence)
    names = list(frame.columns[: frame.columns.get_loc("loss")])
    marks = frame["at_edge"].map({True: " (edge)", False: ""})
    rates = [f"{rate:g}{mark}" for rate, mark in zip(frame["learning_rate"], marks, strict=True)]
    shown: dict[tuple, dict[str, str]] = {}
    for row, rate in zip(frame.to_dict("records"), rates, strict=True):
        setting = {name: row[name] for name in names}
        shown.setdefault(tuple(setting.values()), setting_cell(setting))[row["loss"]] = rate
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


def at_best_rates(evidence: Evidence) -> Evidence:
    """The runs at the chosen rates, all under one name for their rate, so that they pair by seed."""
    chosen = _chosen(evidence)
    cell = [*chosen.columns[: chosen.columns.get_loc("learning_rate")], "learning_rate"]
    keep = pd.MultiIndex.from_frame(evidence.runs[cell]).isin(pd.MultiIndex.from_frame(chosen[cell]))
    runs = evidence.runs[keep].assign(learning_rate=BEST)
    return replace(evidence, runs=runs, tuning=evidence.tuning if len(evidence.tuning) else evidence.runs)


def at_equal_rates(evidence: Evidence) -> Evidence:
    """The runs of all settings and rates at which several losses were trained."""
    return replace(evidence, runs=_of_several_losses(evidence.runs))


def at_equal_gradient_scale(evidence: Evidence) -> Evidence:
    """The runs, each under the rate at which cross-entropy takes a first step of the same size on the logits.

    At a uniform prediction over K classes the norm of cross-entropy's logit gradient is K / 2 times that of
    ``mse`` and K^2 / 2 times that of ``mse_mean``, so their rate divided by this factor is the rate of equal
    scale. Kept are the runs at rates where another loss has runs of equal scale; losses without a factor and
    runs that don't say their number of classes are left out.
    """
    runs = evidence.runs
    factors = pd.Series(math.nan, runs.index)
    for loss, facts in LOSSES.items():
        if facts.ce_over_loss is not None:
            factors = factors.mask(runs["loss"] == loss, facts.ce_over_loss(runs["num_classes"]))
    # Rounded so that .25 / 5 and .05 are one rate.
    scaled = runs.assign(learning_rate=[float(f"{rate:.6g}") for rate in runs["learning_rate"] / factors])
    # Two losses of equal factor say nothing that equal rates don't.
    several = _of_several_losses(scaled.assign(factor=factors)[factors.notna()], "factor")
    return replace(evidence, runs=several.drop(columns="factor"))


def _of_several_losses(runs: pd.DataFrame, which: str = "loss") -> pd.DataFrame:
    cell = [*(name for name in settings(runs) if name != "learning_rate"), "learning_rate"]
    return runs[runs.groupby(cell)[which].transform("nunique") > 1].reset_index(drop=True)


def accuracy_by_rate(evidence: Evidence) -> Figure:
    """Validation accuracy at the last epoch over the learning rate: mean, smallest and largest of the tuning seeds.

    Large: the rate chosen. A rate at which a run diverged has no point.
    """
    tuning = evidence.tuning if len(evidence.tuning) else evidence.runs
    chosen = _chosen(evidence)
    styles = loss_styles(list(tuning["loss"].unique()))

    def draw(ax, group):
        for loss, runs in group.groupby("loss", sort=False):
            found = runs.groupby("learning_rate")[CHOSEN_BY].agg(["mean", "min", "max", "count"])
            found = found[found["count"] == runs.groupby("learning_rate").size()]
            # Of three equal values the mean, rounded, may lie beyond them.
            error = [(found["mean"] - found["min"]).clip(lower=0), (found["max"] - found["mean"]).clip(lower=0)]
            ax.errorbar(found.index, found["mean"], yerr=error, marker="o", markersize=2, label=loss, **styles[loss])
            cell = list(chosen.columns[: chosen.columns.get_loc("learning_rate")])
            best = chosen.merge(runs[cell].head(1), on=cell)
            ax.plot(best["learning_rate"], best[CHOSEN_BY], marker="o", markersize=5, color=styles[loss]["color"])
        ax.set_xscale("log")

    cells = list(by_setting(tuning.assign(learning_rate=BEST)))
    drawn = [(setting, tuning.loc[group.index]) for setting, group in cells]
    return panels.small_multiples(drawn, draw, x="learning rate", y="validation accuracy")
