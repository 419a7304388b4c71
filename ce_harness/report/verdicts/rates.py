"""Comparisons where the learning rates differ: at equal rates, at equal gradient scale, at each loss's own best.

Whatever keys a study tunes, a combination of their values stands in the place of the rate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from ce_harness.report.study import Evidence, Study
from ce_harness.report.verdicts.settings import setting_columns
from ce_harness.report.verdicts.tuning import CHOSEN_BY, choose
from ce_harness.theory import LOSSES

BEST = "the best of each loss"
DRAWN = "drawn for each seed"
EQUAL_RATE = "Every pair was trained at the same learning rate; settings in which the losses share none are left out."
EQUAL_SCALE = (
    "Learning rates are those of cross-entropy; mse was trained at K/2 times the rate, mse_mean at K^2/2 times, which "
    "makes the first steps on the logits equally large at a uniform prediction over K classes. Settings without such "
    "a pair of rates are left out."
)


TUNED_FOR = "The learning rate of each loss is the one with the best mean {by} of the tuning seeds."


def differ(evidence: Evidence) -> bool:
    """Whether the runs differ in what is tuned."""
    return len(evidence.tuning) > 0 or any(evidence.runs.get(key, pd.Series()).nunique() > 1 for key in evidence.tunes)


def compared(study: Study, evidence: Evidence) -> Evidence:
    """The runs that a study compares: trials of a random search, runs at each loss's best rate, or simply all."""
    if study.random_search:
        return at_drawn_rates(evidence)
    return at_best_rates(evidence) if differ(evidence) else evidence


def views(evidence: Evidence, tuned_for: Sequence[str] = (CHOSEN_BY,)) -> Iterator[tuple[str, Evidence, str]]:
    """Yield (name, runs compared, note) of every other way to pair runs whose rates differ.

    Args:
        tuned_for: see ``Study``; the first, by which the study itself pairs, is none of the others.
    """
    for by in tuned_for[1:]:
        runs = at_best_rates(evidence, by)
        if len(runs.runs):
            yield f"tuned_for_{by.partition('/')[2]}", runs, TUNED_FOR.format(by=by)
    for name, paired_runs, note in (
        ("at_equal_rates", at_equal_rates(evidence), EQUAL_RATE),
        ("at_equal_gradient_scale", at_equal_gradient_scale(evidence), EQUAL_SCALE),
    ):
        if len(paired_runs.runs):
            yield name, paired_runs, note


def chosen(evidence: Evidence, by: str = CHOSEN_BY) -> pd.DataFrame:
    """The rate of each loss in each setting, see ``tuning.choose``."""
    runs = evidence.tuning if len(evidence.tuning) else evidence.runs
    return choose(runs, [*_settings(runs, evidence.tunes), "loss"], by, evidence.tunes)


def _settings(runs: pd.DataFrame, tunes: Sequence[str]) -> list[str]:
    """The columns of the settings but those that are tuned."""
    return [name for name in setting_columns(runs) if name not in tunes]


def at_best_rates(evidence: Evidence, by: str = CHOSEN_BY) -> Evidence:
    """The runs at the chosen rates, all under one name for their rate, so that they pair by seed."""
    rates = chosen(evidence, by)
    trained = list(rates.columns[: rates.columns.get_loc(by)])
    keep = pd.MultiIndex.from_frame(evidence.runs[trained]).isin(pd.MultiIndex.from_frame(rates[trained]))
    runs = evidence.runs[keep].assign(**dict.fromkeys(evidence.tunes, BEST))
    return replace(evidence, runs=runs, tuning=evidence.tuning if len(evidence.tuning) else evidence.runs)


def at_drawn_rates(evidence: Evidence) -> Evidence:
    """The trials of a random search, all under one name for their rate, so that they pair by seed."""
    return replace(evidence, runs=evidence.runs.assign(**dict.fromkeys(evidence.tunes, DRAWN)), tuning=pd.DataFrame())


def at_equal_rates(evidence: Evidence) -> Evidence:
    """The runs of all settings and rates at which several losses were trained."""
    return replace(evidence, runs=_of_several_losses(evidence.runs, evidence.tunes), tuning=pd.DataFrame())


def at_equal_gradient_scale(evidence: Evidence) -> Evidence:
    """The runs, each under the rate at which cross-entropy takes a first step of the same size on the logits.

    At a uniform prediction over K classes cross-entropy's gradient on the logits is the largest. Its norm is K / 2
    times that of ``mse`` and K^2 / 2 times that of ``mse_mean``. So their rate divided by this factor is the rate of
    equal scale. Kept are the runs at rates where another loss has runs of equal scale. Losses without a factor are
    left out, and so are runs that don't say their number of classes.
    """
    runs = evidence.runs
    factors = pd.Series(math.nan, runs.index)
    for loss, facts in LOSSES.items():
        if facts.ce_over_loss is not None:
            factors = factors.mask(runs["loss"] == loss, facts.ce_over_loss(runs["num_classes"]))
    # Rounded so that .25 / 5 and .05 are one rate.
    scaled = runs.assign(learning_rate=[float(f"{rate:.6g}") for rate in runs["learning_rate"] / factors])
    # Two losses of equal factor say nothing that equal rates don't.
    several = _of_several_losses(scaled.assign(factor=factors)[factors.notna()], evidence.tunes, "factor")
    return replace(evidence, runs=several.drop(columns="factor"), tuning=pd.DataFrame())


def _of_several_losses(runs: pd.DataFrame, tunes: Sequence[str], which: str = "loss") -> pd.DataFrame:
    setting = [*_settings(runs, tunes), *dict.fromkeys(("learning_rate", *tunes))]
    return runs[runs.groupby(setting)[which].transform("nunique") > 1].reset_index(drop=True)
