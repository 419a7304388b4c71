"""Which learning rate each loss gets, or values of other tuned keys, and which runs a study that tunes expects."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from ce_harness.report.study import TUNES, Evidence, Study, Where
from ce_harness.report.verdicts.outcomes import AT_CHANCE, failed

CHOSEN_BY = "val/accuracy"
# What values are chosen by -> whether more of it is better.
METRICS = {"val/accuracy": True, "val/nll": False, "val/brier": False}
# Which of them a score of the test set goes with.
TUNED_FOR = {
    "test/accuracy": "val/accuracy",
    "test/error": "val/accuracy",
    "test/nll": "val/nll",
    "test/brier": "val/brier",
}
RESAMPLES = 1000  # of the tuning seeds
Values = TypeVar("Values", pd.Series, pd.Index)


def choose(
    runs: pd.DataFrame, columns: Sequence[str], by: str = CHOSEN_BY, tunes: Sequence[str] = TUNES
) -> pd.DataFrame:
    """One row per loss and setting with its best rate: the best mean validation score, at the epoch that is tested.

    A rate at which a seed failed to train loses to every rate at which fewer did. So none is judged by the seeds that
    survived it. Where every run failed the best mean score decides all the same: such a loss is compared, too. Of
    equally good rates the smallest is taken. No one-standard-error rule: it would prefer smaller rates, and so slower
    training, by a margin that depends on the noise. The uncertainty of the choice is in the intervals instead, see
    ``choice_variance``. At the edge of the grid a better rate may lie beyond.

    Where other keys are tuned, or several, all this holds for each combination of their values in place of the rate.

    Args:
        runs: the columns named in ``columns`` and ``tunes``, ``num_classes``, ``val/accuracy`` and ``by``; scores are
            NaN for a run that diverged.
        columns: those in which values are chosen apart.
        by: a key of ``METRICS``.
        tunes: see ``Study``.

    Returns:
        ``columns``; ``tunes`` (NaN if every run diverged); ``by``; ``rates_tried``, the number of combinations. Then
        for each tuned key whether its number is the smallest or largest tried: ``at_edge`` of one key, else
        ``KEY_at_edge``.
    """
    rows = []
    edges = ["at_edge"] if len(tunes) == 1 else [f"{key}_at_edge" for key in tunes]
    for values, group in runs.groupby(list(columns), sort=False):
        scores = _scores(group, by, tunes)
        best, tried = int(_best(scores.to_numpy())), scores.index.to_frame()
        rows.append(
            dict(zip(columns, values, strict=True))
            | {key: tried[key].iloc[best] if best >= 0 else math.nan for key in tunes}
            | {by: _sign(by) * scores.iloc[best].mean() if best >= 0 else math.nan, "rates_tried": len(tried)}
            | {edge: best >= 0 and _at_edge(tried[key], best) for edge, key in zip(edges, tunes, strict=True)}
        )
    return pd.DataFrame(rows, columns=[*columns, *tunes, by, "rates_tried", *edges])


def _at_edge(tried: pd.Series, best: int) -> bool:
    numbers = as_numbers(tried)
    is_a_scale = numbers.nunique() > 1 and pd.api.types.is_numeric_dtype(numbers)
    return bool(is_a_scale and numbers.iloc[best] in (numbers.min(), numbers.max()))


def as_numbers(values: Values) -> Values:
    """Values as numbers, where all of them are; rows hold the values of most keys as text."""
    numbers: Values = pd.to_numeric(values, errors="coerce")
    return values if numbers.isna().any() else numbers


def _sign(by: str) -> int:
    return 1 if METRICS[by] else -1


def _scores(runs: pd.DataFrame, by: str, tunes: Sequence[str]) -> pd.DataFrame:
    """A row per rate, ascending, and a column per run of it; larger is better, NaN for a run that failed.

    Where every run failed, NaN is for those that diverged alone.
    """
    failures = failed(runs, "val/accuracy")
    scores = runs.assign(score=_sign(by) * runs[by].where(~failures | failures.all()))
    scores["run"] = scores.groupby(list(tunes)).cumcount()
    return scores.pivot(index=list(tunes), columns="run", values="score").sort_index(key=as_numbers)


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


def choice_variance(evidence: Evidence, setting: Mapping[str, object], loss: str, metric: str) -> float:
    """Variance that the choice of a loss's learning rate adds to its mean score.

    The tuning seeds are resampled, the rate is chosen again, and its mean validation score is set against that of the
    rate that was chosen: the mean squared difference. 0 where rates were not tuned, and for metrics without a
    counterpart on validation. Other tuned keys likewise.

    Args:
        setting: column -> value.
        metric: of the test set.
    """
    tuning, tunes, by = evidence.tuning, evidence.tunes, TUNED_FOR.get(metric)
    if by is None or by not in tuning:
        return 0.0
    here = tuning["loss"] == loss
    for name, value in setting.items():
        if name in tuning and name not in tunes:
            here &= tuning[name] == value
    scores = _scores(tuning[here], by, tunes).to_numpy()
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
        tuning: as for ``choose``, with the columns of ``reads``, as text, and those of ``tuned_for``.
    """
    reads = study.reads or {}
    values = {name: {str(one): one for one in allowed} for name, allowed in reads.items()}
    apart = [name for name in reads if name not in (*study.tunes, "seed")]
    planned = Counter(tuple(str(combination[name]) for name in apart) for combination in planned_runs(study))
    ended = Counter(tuning[apart].itertuples(index=False, name=None))
    by_each = [choose(tuning, apart, by, study.tunes).dropna(subset=by) for by in study.tuned_for]
    for row in pd.concat(by_each)[[*apart, *study.tunes]].drop_duplicates().to_dict("records"):
        here = tuple(row[name] for name in apart)
        if ended[here] == planned[here]:
            for seed in reads["seed"]:
                yield {name: seed if name == "seed" else values[name][row[name]] for name in reads}


def _combinations(reads: Mapping[str, Sequence[Any]], where: Where | None) -> Iterator[dict[str, object]]:
    for values in product(*reads.values()):
        combination = dict(zip(reads, values, strict=True))
        if where is None or where(combination):
            yield combination
