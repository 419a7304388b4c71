"""Runs of two losses, paired by seed, and the effect of the loss in each setting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from ce_harness.report.study import Evidence
from ce_harness.report.verdicts import paired_tests
from ce_harness.report.verdicts.images import image_variance
from ce_harness.report.verdicts.intervals import Summary
from ce_harness.report.verdicts.outcomes import OF_PROBABILITIES, TIME_TO, WITHOUT_PROBABILITIES, outcome
from ce_harness.report.verdicts.settings import by_setting
from ce_harness.report.verdicts.tuning import choice_variance

# Both times of a pair may be at the first evaluation, or beyond the last. If this share of pairs is so, they can't show
# that two losses are equally fast.
UNRESOLVED = 0.2


@dataclass(frozen=True)
class Effect:
    """How two losses differ in one setting.

    Attributes:
        setting: column -> value.
        differences: first - second, by seed; of logarithms where a ratio is asked for.
        choice_variance: what the choice of the learning rates adds to the variance of the mean.
        image_variance: what the choice of the test images adds to it, where all seeds have the same.
        unresolved: share of the pairs of times that say nothing of which is shorter.
    """

    setting: Mapping[str, object]
    differences: pd.Series
    choice_variance: float = 0.0
    image_variance: float = 0.0
    unresolved: float = 0.0

    @cached_property
    def summary(self) -> Summary:
        """Mean difference with its 95% interval, which covers the choice of the rates and of the images."""
        return paired_tests.summary_of(self.differences, self._more_variance)

    @cached_property
    def p(self) -> float:
        """Two-sided, of no difference; see ``paired_tests.difference_p``."""
        return paired_tests.difference_p(self.differences, self._more_variance)

    @property
    def variance(self) -> float:
        """Squared standard error of the mean."""
        return self.summary.sd**2 / self.summary.n + self._more_variance if self.summary.n > 1 else math.nan

    @property
    def _more_variance(self) -> float:
        """What the differences don't show of the variance of their mean."""
        return self.choice_variance + self.image_variance

    @property
    def effect_size(self) -> float:
        """Mean over standard deviation of the differences (Cohen's d_z); NaN when they are all equal."""
        return self.summary.mean / self.summary.sd if self.summary.sd > 0 else math.nan

    @property
    def superiority(self) -> float:
        """Share of pairs with first > second, ties counted half."""
        return float(np.mean((self.differences > 0) + 0.5 * (self.differences == 0))) if self.summary.n else math.nan

    @property
    def can_show_equality(self) -> bool:
        """Whether the pairs say enough of which is larger."""
        return self.unresolved < UNRESOLVED

    def equivalence_p(self, margin: float) -> float:
        """p that the mean difference is not within +-margin; NaN where the pairs can't show equality."""
        if not self.can_show_equality:
            return math.nan
        return paired_tests.equivalence_p(self.differences, margin, self._more_variance)


@lru_cache(maxsize=256)  # a verdict is asked for again under other margins
def effects(evidence: Evidence, metric: str, first: str, second: str, ratio: bool = False) -> tuple[Effect, ...]:
    """One per setting that holds both losses."""
    return tuple(
        effect(evidence, setting, group, metric, first, second, ratio)
        for setting, group in by_setting(evidence.runs)
        if {first, second} <= set(group["loss"])
    )


def effect(
    evidence: Evidence,
    setting: Mapping[str, object],
    group: pd.DataFrame,
    metric: str,
    first: str,
    second: str,
    ratio: bool = False,
) -> Effect:
    """The effect among the runs of one setting."""
    pairs = paired(evidence, group, metric, first, second)
    if ratio:
        pairs = np.log(pairs[(pairs > 0).all(axis=1)])
    with np.errstate(invalid="ignore"):  # of two infinite values: NaN
        differences = pairs[first] - pairs[second]
    rates = 0.0 if ratio else sum(choice_variance(evidence, setting, loss, metric) for loss in (first, second))
    images = 0.0 if ratio else image_variance(evidence, group, metric, first, second)
    return Effect(setting, differences, rates, images, _unresolved(evidence, group, metric, pairs))


def paired(evidence: Evidence, group: pd.DataFrame, metric: str, first: str, second: str) -> pd.DataFrame:
    """The metric of two losses, one column each, seed by seed.

    Times to a target are restricted to the last epoch, so that their mean is the restricted mean time. Scores of
    probabilities are not compared with those of a loss that trains none: there are no pairs.
    """
    losses = [first, second]
    if metric in OF_PROBABILITIES and not set(WITHOUT_PROBABILITIES).isdisjoint(losses):
        return pd.DataFrame(columns=losses, dtype=float)
    sides = []
    for loss in losses:
        runs = group.index[group["loss"] == loss]
        sides.append(pd.Series(outcome(evidence, metric)[runs].to_numpy(), group.loc[runs, "seed"]))
    pairs = pd.concat(sides, axis=1, keys=losses, join="inner").sort_index().dropna()
    return pairs.clip(upper=horizon(evidence, group)) if metric.startswith(TIME_TO) else pairs


def _unresolved(evidence: Evidence, group: pd.DataFrame, metric: str, pairs: pd.DataFrame) -> float:
    if not metric.startswith(TIME_TO) or pairs.empty:
        return 0.0
    first, last = _evaluated(evidence).reindex(group["run"]).agg({"min": "min", "max": "max"})
    return float(np.mean((pairs <= first).all(axis=1) | (pairs >= last).all(axis=1)))


def horizon(evidence: Evidence, group: pd.DataFrame) -> float:
    """The last epoch of the runs, where a time to target is censored."""
    last = _evaluated(evidence)["max"].reindex(group["run"]).max()
    return float(last) if not pd.isna(last) else math.inf


@lru_cache(maxsize=8)
def _evaluated(evidence: Evidence) -> pd.DataFrame:
    """Per run, the first and the last epoch at which it was scored."""
    epochs = evidence.epochs.groupby("run", observed=True)["epoch"].agg(["min", "max"])
    return epochs.set_axis(epochs.index.astype(str))  # in a categorical index a look-up takes milliseconds
