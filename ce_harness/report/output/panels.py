"""Figures with a panel per setting, readable for one setting and for dozens."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ce_harness.report.output.style import COLUMN_WIDTH, PAGE_WIDTH, new_figure
from ce_harness.report.verdicts.settings import described

Panel = tuple[Mapping[str, object], pd.DataFrame]  # a setting and its runs

FEW = 3  # settings that get a line of panels each, one per measure; more get one small panel each
COLUMNS = 4
TITLE = 30  # characters above a small panel
MOST = 32  # small panels that fit a page


def panels(
    settings: Sequence[Panel],
    draw: Callable[[Axes, pd.DataFrame, Any], None],
    measures: Mapping[Any, str],
    x: str,
    height: float = 2.35,
    sharey: bool | Literal["col"] = "col",
) -> Figure:
    """A line of panels per setting, one for each measure; of many settings a small panel each, for the first measure.

    Args:
        draw: draws the runs of a setting; the last argument is a key of ``measures``.
        measures: key -> what the y axis says.
        x: what the x axis says.
        height: of a line, in inches.
    """
    if len(settings) > FEW:
        first, title = next(iter(measures.items()))
        return small_multiples(settings, lambda ax, runs: draw(ax, runs, first), x, title)
    fig = new_figure(PAGE_WIDTH, height * len(settings))
    axes = fig.subplots(len(settings), len(measures), squeeze=False, sharex=True, sharey=sharey)
    for (setting, runs), line in zip(settings, axes, strict=True):
        for ax, (key, title) in zip(line, measures.items(), strict=True):
            draw(ax, runs, key)
            ax.set_ylabel(title)
        line[0].set_title(described(setting), loc="left")
    for ax in axes[-1]:
        ax.set_xlabel(x)
    if len(settings) == 1 and len(measures) < FEW:  # else a panel is too narrow for names
        axes[0, 0].legend()
    else:
        legend(fig)
    return fig


def small_multiples(settings: Sequence[Panel], draw: Callable[[Axes, pd.DataFrame], None], x: str, y: str) -> Figure:
    """A panel per setting, four in a line that shares its y axis; a single one in the width of a column."""
    shown = settings[:MOST]
    columns = min(COLUMNS, len(shown))
    lines = -(-len(shown) // columns)
    fig = new_figure(COLUMN_WIDTH, 2.5) if len(shown) == 1 else new_figure(PAGE_WIDTH, 0.6 + 1.25 * lines)
    axes = fig.subplots(lines, columns, squeeze=False, sharex=True, sharey="row")
    for ax, (_, runs) in zip(axes.flat, shown, strict=False):
        draw(ax, runs)
    for line, settings_of_line in zip(axes, _chunks([setting for setting, _ in shown], columns), strict=True):
        for ax, title in zip(line, _titles(settings_of_line), strict=False):
            ax.set_title(title, loc="left", fontsize=mpl.rcParams["legend.fontsize"])
    for ax in axes.flat[len(shown) :]:
        ax.remove()
    for ax in axes.flat[max(len(shown) - columns, 0) : len(shown)]:
        ax.xaxis.set_tick_params(labelbottom=True)  # the last of its column
    if len(shown) < len(settings):
        x += f"\n(the first {len(shown)} of {len(settings)} settings; the tables have all)"
    if len(shown) == 1:
        axes[0, 0].set(xlabel=x, ylabel=y)
        axes[0, 0].legend()
    else:
        fig.supxlabel(x)
        fig.supylabel(y)
        legend(fig)
    return fig


def _titles(settings: Sequence[Mapping[str, object]]) -> list[str]:
    """What the settings of a line share, above its first panel; below it, on each, what sets it apart."""
    shared = [name for name in settings[0] if len({setting[name] for setting in settings}) == 1]
    if len(settings) == 1:
        shared = []
    heading = described({name: settings[0][name] for name in shared})
    own = [described({name: value for name, value in setting.items() if name not in shared}) for setting in settings]
    own = [textwrap.fill(text, TITLE) for text in own]
    if not heading:
        return own
    return [f"{heading if i == 0 else ''}\n{text}" for i, text in enumerate(own)]


def _chunks(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def legend(fig: Figure) -> None:
    """One legend above all panels, with every line that any of them has."""
    handles: dict[str, Artist] = {}
    for ax in fig.axes:
        for handle, name in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(name, handle)
    columns = max((many for many in range(1, len(handles) + 1) if _fits(fig, list(handles), many)), default=1)
    fig.legend(list(handles.values()), list(handles), loc="outside upper center", ncols=columns)


def _fits(fig: Figure, names: Sequence[str], columns: int) -> bool:
    """Whether a legend, filled column by column, is as narrow as the figure: letters of 7 pt, pieces of lines."""
    widest = [max(map(len, column)) for column in np.array_split(names, columns)]  # the first ones longer
    return sum(widest) * 0.058 + len(widest) * 0.5 <= fig.get_figwidth()


def rows_of(runs: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of a series that belong to some runs."""
    return rows[rows["run"].isin(runs["run"])]
