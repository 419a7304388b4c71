"""Which learning rate each loss gets, and which runs a study with tuned rates expects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

import pandas as pd

CHOSEN_BY = "val/accuracy"

Where = Callable[[Mapping[str, object]], bool]


def choose(runs: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """One row per loss and setting with its best rate: the best mean validation accuracy at the last epoch.

    Only rates at which the most seeds have ended are compared, so that none is judged by the seeds that survived
    it. Of equally good rates the smallest is taken. At the edge of the grid a better one may lie beyond.

    Args:
        runs: the columns named in ``columns``, ``learning_rate`` and ``val/accuracy``, NaN for a run that diverged.
        columns: those in which rates are chosen apart.

    Returns:
        ``columns``, ``learning_rate`` (NaN if every run diverged), ``val/accuracy``, ``rates_tried``, ``at_edge``.
    """
    rows = []
    for values, group in runs.groupby(list(columns), sort=False):
        by_rate = group.groupby("learning_rate")[CHOSEN_BY].agg(["mean", "count"])
        means = by_rate["mean"].where(by_rate["count"] == by_rate["count"].max()).dropna()
        best = means.idxmax() if len(means) else float("nan")
        rows.append(
            dict(zip(columns, values, strict=True))
            | {"learning_rate": best, CHOSEN_BY: means.get(best, float("nan")), "rates_tried": len(by_rate)}
            | {"at_edge": len(by_rate) > 1 and best in (by_rate.index.min(), by_rate.index.max())}
        )
    return pd.DataFrame(rows, columns=[*columns, "learning_rate", CHOSEN_BY, "rates_tried", "at_edge"])


def expected_runs(
    reads: Mapping[str, Sequence], where: Where | None, tuning_seeds: Sequence[int], tuning: pd.DataFrame
) -> Iterator[dict[str, object]]:
    """The runs that a study expects, as column -> value: every combination of ``reads`` that ``where`` takes.

    With tuning seeds: these at every rate; and, of each loss whose tuning runs have all ended, the seeds of ``reads``
    at the rate that they chose.

    Args:
        tuning: as for ``choose``, with the columns of ``reads``.
    """
    if not tuning_seeds:
        yield from _combinations(reads, where)
        return
    apart = [name for name in reads if name not in ("learning_rate", "seed")]
    planned = Counter()
    for combination in _combinations({**reads, "seed": tuning_seeds}, where):
        planned[tuple(combination[name] for name in apart)] += 1
        yield combination
    ended = Counter(tuning[apart].itertuples(index=False, name=None))
    chosen = choose(tuning, apart).dropna(subset="learning_rate")
    for row in chosen.to_dict("records"):
        values = tuple(row[name] for name in apart)
        if ended[values] == planned[values]:
            for seed in reads["seed"]:
                yield {name: seed if name == "seed" else row[name] for name in reads}


def _combinations(reads: Mapping[str, Sequence], where: Where | None) -> Iterator[dict[str, object]]:
    for values in product(*reads.values()):
        combination = dict(zip(reads, values, strict=True))
        if where is None or where(combination):
            yield combination


def commands(combinations: Sequence[Mapping[str, object]], experiment: str) -> list[str]:
    """The fewest sweeps found that train these combinations and no other.

    Cells that agree in all columns but one make one sweep over it; then so do sweeps, column by column.

    Args:
        experiment: what follows ``python run.py -m`` before the combinations' own values.
    """
    boxes = [{name: (value,) for name, value in combination.items()} for combination in combinations]
    names = list(combinations[0]) if combinations else []
    for name in reversed(names):
        merged: dict[tuple, dict] = {}
        for box in boxes:
            others = tuple(values for other, values in box.items() if other != name)
            if others in merged:
                merged[others][name] += box[name]
            else:
                merged[others] = dict(box)
        boxes = list(merged.values())
    return [
        f"python run.py -m {experiment} " + " ".join(f"{name}={','.join(map(str, box[name]))}" for name in box)
        for box in boxes
    ]
