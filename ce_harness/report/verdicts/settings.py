"""In what runs were made to differ, and the runs of each setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd


def config_columns(runs: pd.DataFrame) -> list[str]:
    """What the runs were trained with: the columns between their names and their metrics."""
    end = next((i for i, column in enumerate(runs.columns) if "/" in column), len(runs.columns))
    return list(runs.columns[1:end])


def setting_columns(runs: pd.DataFrame) -> list[str]:
    """The columns, other than loss and seed, in which the runs were made to differ.

    A column that the others decide, such as epochs that were set per dataset, is not one of them.
    """
    names: list[str] = []
    parts = pd.Series(0, runs.index)
    for column in config_columns(runs):
        if column not in ("loss", "seed") and runs[column].nunique() > 1:
            finer = runs.groupby([parts, column]).ngroup()
            if finer.nunique() > parts.nunique():
                names, parts = [*names, column], finer
    return names


def by_setting(runs: pd.DataFrame) -> Iterator[tuple[dict[str, object], pd.DataFrame]]:
    """Yield (setting values as dict, runs) for every setting; one empty dict if all runs share theirs."""
    names = setting_columns(runs)
    if not names:
        yield {}, runs
        return
    for values, group in runs.groupby(names, sort=False):
        yield dict(zip(names, values, strict=True)), group


def is_within(setting: Mapping[str, object], part: Mapping[str, object], runs: pd.DataFrame) -> bool:
    """Whether a setting has all the values of a part, as text; those in which no settings differ are in the runs."""

    def has(name: str, value: object) -> bool:
        values = [setting[name]] if name in setting else runs.get(name, pd.Series(dtype=object)).unique()
        return {str(one) for one in values} == {str(value)}

    return all(has(name, value) for name, value in part.items())


def described(setting: Mapping[str, object]) -> str:
    """A setting in words: ``digits, sgd, learning_rate 0.05``; without keys that a loss doesn't have."""
    return ", ".join(_described(name, value) for name, value in setting.items() if value != "")


def _described(name: str, value: Any) -> str:
    if str(value) in ("True", "False", "None"):  # say nothing without their name
        return f"{name.rpartition('.')[2]} {value}"
    try:
        return f"{name.rpartition('.')[2]} {float(value):g}"
    except ValueError:
        return str(value)
