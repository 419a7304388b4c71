"""What a figure shows, in words and numbers, read from what was drawn: for those who can't see it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

FEW = 6  # panels that are told one by one


def text(figure: Figure) -> str:
    """One sentence per panel, or of many panels one per line that they share.

    A curve is told by its ends, an interval by its mean, a map by its largest value.
    """
    panels = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    if len(panels) > FEW:
        return f"{len(panels)} panels of {_y(figure, panels[0])} {_over(figure, panels[0])}. " + _ranges(panels)
    told = [_panel(figure, ax) for ax in panels]
    return " ".join(sentence for sentence in told if sentence)


def _panel(figure: Figure, ax: Axes) -> str:
    title = _said(ax.get_title(loc="left"))
    if meshes := [one for one in ax.collections if isinstance(one, QuadMesh)]:
        values = np.concatenate([np.ma.MaskedArray(one.get_array()).compressed() for one in meshes])
        return f"{title}: {values.min():.2g} to {values.max():.2g}."
    if ax.images:
        return f"{title}: {_confused(ax)}."
    if intervals := list(_intervals(ax)):
        return f"{title}: {'; '.join(intervals)}."
    parts = list(_curves(ax))
    heading = ", ".join(filter(None, [title, _y(figure, ax)]))
    return f"{heading} {_over(figure, ax)}: {'; '.join(parts)}." if parts else ""


def _confused(ax: Axes) -> str:
    """Of a confusion matrix."""
    shares = np.asarray(ax.images[0].get_array(), float)
    wrong = np.where(np.eye(*shares.shape, dtype=np.bool_), 0, shares)
    line, column = np.unravel_index(wrong.argmax(), wrong.shape)
    names = [name.get_text() for name in ax.get_xticklabels()] or [str(i) for i in range(len(shares))]
    worst = f"{names[line]} taken for {names[column]}, {wrong.max():.1%}"
    return f"at least {np.diagonal(shares).min():.0%} of each class right; most often wrong: {worst}"


def _intervals(ax: Axes) -> Iterator[str]:
    for one in ax.containers:
        if isinstance(one, ErrorbarContainer) and one.has_xerr:
            means = np.asarray(one[0].get_xdata(), float)
            if len(means) == 1:
                (start, end), *_ = ([point[0] for point in path.vertices] for path in one[2][0].get_paths())
                yield f"{one.get_label()} {means[0]:+.2g} ({start:+.2g} to {end:+.2g})"
            elif np.isfinite(means).any():
                yield f"{one.get_label()} from {np.nanmin(means):+.2g} to {np.nanmax(means):+.2g}"


def _curves(ax: Axes) -> Iterator[str]:
    for name, line in _named(ax):
        x, y = _points(line)
        if line.get_drawstyle().startswith("steps"):  # a share that grows
            yield f"{name} half by {x[y >= 0.5][0]:.3g}" if y.max() >= 0.5 else f"{name} {y.max():.0%} by {x[-1]:.3g}"
        elif len(x):
            yield f"{name} from {y[0]:.3g} at {x[0]:.3g} to {y[-1]:.3g} at {x[-1]:.3g}"


def _ranges(panels: list[Axes]) -> str:
    ends: dict[str, list[float]] = {}
    for ax in panels:
        for name, line in _named(ax):
            _, y = _points(line)
            ends.setdefault(name, []).extend(y[-1:])
    return " ".join(f"{name} ends between {min(ys):.3g} and {max(ys):.3g}." for name, ys in ends.items() if ys)


def _named(ax: Axes) -> Iterator[tuple[str, Line2D]]:
    """Curves by the names of the legend; the points of an interval are none."""
    for line in ax.lines:
        if not str(line.get_label()).startswith("_"):
            yield re.sub(r" \(n = \d+\)$", "", str(line.get_label())), line
    for one in ax.containers:
        if isinstance(one, ErrorbarContainer) and one.has_yerr and one[0] is not None:
            yield str(one.get_label()), one[0]


def _points(line: Line2D) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
    drawn = np.isfinite(x) & np.isfinite(y)
    return x[drawn], y[drawn]


def _y(figure: Figure, ax: Axes) -> str:
    return _said(ax.get_ylabel() or figure.get_supylabel())


def _over(figure: Figure, ax: Axes) -> str:
    x = _said(ax.get_xlabel() or figure.get_supxlabel())
    return f"over {x}" if x else ""


def _said(drawn: str) -> str:
    return re.sub(r"\s+", " ", drawn).strip()
