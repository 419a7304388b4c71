"""Which learning rate each loss gets, and which runs a study with tuned rates expects."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ce_harness.report.study import Study, Where
from ce_harness.report.verdicts.outcomes import AT_CHANCE, failed

CHOSEN_BY = "val/accuracy"
# What the learning rate is tuned for -> what tells a better rate, and whether more of it is better.
METRICS = {"val/accuracy": True, "val/nll": False, "val/brier": False}
# Which of them a score of the test set goes with.
TUNED_FOR = {
    "test/accuracy": "val/accuracy",
    "test/error": "val/accuracy",
    "test/nll": "val/nll",
    "test/brier": "val/brier",
}
RESAMPLES = 1000  # of the tuning seeds


def choose(runs: pd.DataFrame, columns: Sequence[str], by: str = CHOSEN_BY) -> pd.DataFrame:
    """One row per loss and setting with its best rate: the best mean validation score, at the epoch that is tested.

    A rate at which a seed failed to train loses to every rate at which fewer did. So none is judged by the seeds that
    survived it. Where every run failed the best mean score decides all the same: such a loss is compared, too. Of
    equally good rates the smallest is taken. No one-standard-error rule: it would prefer smaller rates, and so slower
    training, by a margin that depends on the noise. The uncertainty of the choice is in the intervals instead, see
    ``choice_variance``. At the edge of the grid a better rate may lie beyond.

    Args:
        runs: the columns named in ``columns``, ``learning_rate``, ``num_classes``, ``val/accuracy`` and ``by``; scores
            are NaN for a run that diverged.
        columns: those in which rates are chosen apart.
        by: a key of ``METRICS``.

    Returns:
        ``columns``, ``learning_rate`` (NaN if every run diverged), ``by``, ``rates_tried``, ``at_edge``.
    """
    rows = []
    for values, group in runs.groupby(list(columns), sort=False):
        scores = _scores(group, by)
        best, rates = int(_best(scores.to_numpy())), scores.index
        rows.append(
            dict(zip(columns, values, strict=True))
            | {"learning_rate": rates[best] if best >= 0 else math.nan}
            | {by: _sign(by) * scores.iloc[best].mean() if best >= 0 else math.nan, "rates_tried": len(rates)}
            | {"at_edge": len(rates) > 1 and best in (0, len(rates) - 1)}
        )
    return pd.DataFrame(rows, columns=[*columns, "learning_rate", by, "rates_tried", "at_edge"])


def _sign(by: str) -> int:
    return 1 if METRICS[by] else -1


def _scores(runs: pd.DataFrame, by: str) -> pd.DataFrame:
    """A row per rate, ascending, and a column per run of it; larger is better, NaN for a run that failed.

    Where every run failed, NaN is for those that diverged alone.
    """
    failures = failed(runs, "val/accuracy")
    scores = runs.assign(score=_sign(by) * runs[by].where(~failures | failures.all()))
    scores["run"] = scores.groupby("learning_rate").cumcount()
    return scores.pivot(index="learning_rate", columns="run", values="score")


def _best(scores: np.ndarray) -> np.ndarray:
    """The row with the best mean among those with the most runs that did not fail; -1 if all failed.

    Args:
        scores: shape (rates, ..., runs).

    Returns:
        Shape (...).
    """
    trained, means = _means(scores)
    best = np.argmax(np.where(trained == trained.max(axis=0), means, -np.inf), axis=0)
    return np.where(trained.max(axis=0) > 0, best, -1)


def _means(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many runs did not fail, and their mean; both without the last axis."""
    trained = np.isfinite(scores).sum(axis=-1)
    return trained, np.nansum(scores, axis=-1) / np.maximum(trained, 1)


def choice_variance(tuning: pd.DataFrame, setting: Mapping[str, object], loss: str, metric: str) -> float:
    """Variance that the choice of a loss's learning rate adds to its mean score.

    The tuning seeds are resampled, the rate is chosen again, and its mean validation score is set against that of the
    rate that was chosen: the mean squared difference. 0 where rates were not tuned, and for metrics without a
    counterpart on validation.

    Args:
        tuning: of ``Evidence``.
        setting: column -> value.
        metric: of the test set.
    """
    by = TUNED_FOR.get(metric)
    if by is None or by not in tuning:
        return 0.0
    here = tuning["loss"] == loss
    for name, value in setting.items():
        if name in tuning and name != "learning_rate":
            here &= tuning[name] == value
    scores = _scores(tuning[here], by).to_numpy()
    chance = _sign(by) * AT_CHANCE[by](tuning["num_classes"].max())
    if len(scores) < 2 or (chosen := int(_best(scores))) < 0:
        return 0.0
    seeds = scores.shape[1]
    again = _best(scores[:, np.random.default_rng(0).integers(0, seeds, (RESAMPLES, seeds))])
    means = np.where(np.isfinite(scores), scores, chance).mean(axis=1)
    return float(np.mean((means[again[again >= 0]] - means[chosen]) ** 2))


def planned_runs(study: Study) -> Iterator[dict[str, object]]:
    """The runs that can be planned before any has ended, as column -> value.

    Every combination of ``reads`` that ``where`` takes; with tuning seeds, that of these alone.
    """
    reads = study.reads or {}
    yield from _combinations({**reads, "seed": study.tuning_seeds or reads["seed"]}, study.where)


def runs_at_chosen_rates(study: Study, tuning: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Of each loss whose tuning runs have all ended, the seeds of ``reads`` at every rate that these chose.

    Args:
        tuning: as for ``choose``, with the columns of ``reads`` and those of ``tuned_for``.
    """
    reads = study.reads or {}
    apart = [name for name in reads if name not in ("learning_rate", "seed")]
    planned = Counter(tuple(combination[name] for name in apart) for combination in planned_runs(study))
    ended = Counter(tuning[apart].itertuples(index=False, name=None))
    by_each = [choose(tuning, apart, by).dropna(subset="learning_rate") for by in study.tuned_for]
    for row in pd.concat(by_each)[[*apart, "learning_rate"]].drop_duplicates().to_dict("records"):
        values = tuple(row[name] for name in apart)
        if ended[values] == planned[values]:
            for seed in reads["seed"]:
                yield {name: seed if name == "seed" else row[name] for name in reads}


def _combinations(reads: Mapping[str, Sequence[Any]], where: Where | None) -> Iterator[dict[str, object]]:
    for values in product(*reads.values()):
        combination = dict(zip(reads, values, strict=True))
        if where is None or where(combination):
            yield combination
