"""How a difference between two losses changes along a column of the settings: a trend, or an interaction."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ce_harness.errors import ConfigError
from ce_harness.report.verdicts.pairings import Effect


def changes(effects: Sequence[Effect], column: str) -> tuple[Effect, ...]:
    """One effect per setting apart from ``column``: seed by seed, how the difference changes along it.

    Of positive numbers it is the least-squares slope per factor of ten. Of two other values it is the second less the
    first: the interaction of the loss with what they set. Settings with one value of the column are left out.

    Args:
        effects: of two losses, one per setting.
        column: of the settings.

    Raises:
        ConfigError: the column has three values or more that are no positive numbers.
    """
    groups: dict[tuple[object, ...], list[Effect]] = {}
    for one in effects:
        rest = tuple((name, value) for name, value in one.setting.items() if name != column)
        groups.setdefault(rest, []).append(one)
    return tuple(_change(group, column) for group in groups.values() if len(group) > 1)


def _change(group: Sequence[Effect], column: str) -> Effect:
    values = [one.setting[column] for one in group]
    positions, unit = _positions(values, column)
    centred = positions - positions.mean()
    weights = centred / (centred**2).sum()
    by_seed = pd.concat([one.differences for one in group], axis=1).dropna()
    told = f"{column.rpartition('.')[2]} {values[0]} to {values[-1]}{unit}"
    return Effect(
        {**group[0].setting, column: told},
        pd.Series(by_seed.to_numpy(dtype=float) @ weights, by_seed.index),
        float(weights**2 @ [one.choice_variance for one in group]),
        float(weights**2 @ [one.image_variance for one in group]),
        max(one.unresolved for one in group),
    )


def _positions(values: Sequence[object], column: str) -> tuple[np.ndarray, str]:
    try:
        numbers = [float(str(value)) for value in values]
    except ValueError:
        numbers = [math.nan]
    if min(numbers) > 0:
        return np.log10(numbers), ", per factor of ten"
    if len(values) == 2:
        return np.array([0.0, 1.0]), ""
    shown = ", ".join(map(str, values))
    raise ConfigError(f"along={column!r}: allowed are positive numbers, or two values; the runs have {shown}")
