"""Figures that any study of several losses can use, and how a figure is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import stats

from ce_harness.report.outcomes import by_setting
from ce_harness.report.study import Evidence

STYLE = Path(__file__).with_name("paper.mplstyle")
COLUMN_WIDTH = 3.35  # inches
PAGE_WIDTH = 6.9

# Okabe & Ito's colours, told apart by every kind of colour vision; a loss keeps its colour in all figures.
# The dashes of builtin_ce let softmax_ce show through where the two coincide.
LOSS_STYLES = {
    "softmax_ce": {"color": "#0072B2", "linestyle": "-"},
    "builtin_ce": {"color": "#56B4E9", "linestyle": (0, (3, 2))},
    "mse": {"color": "#D55E00", "linestyle": "-"},
    "mse_mean": {"color": "#E69F00", "linestyle": "-."},
    "mse_logits": {"color": "#009E73", "linestyle": (0, (1, 1))},
}
OTHER_STYLES = [{"color": color, "linestyle": "-"} for color in ("#CC79A7", "#000000", "#7F7F7F", "#8C564B")]


def loss_styles(losses: Sequence[str]) -> dict[str, dict]:
    """Colour and line style of each loss; unknown ones take the remaining colours in order."""
    others = iter(OTHER_STYLES * len(losses))
    return {loss: LOSS_STYLES.get(loss) or next(others) for loss in losses}


def learning_curves(evidence: Evidence) -> Figure:
    """Validation accuracy and NLL over epochs, per loss."""
    panels = {"val/accuracy": "validation accuracy", "val/nll": "validation NLL (nats)"}
    return _series(evidence, evidence.epochs, "epoch", panels)


def gradient_norms(evidence: Evidence) -> Figure:
    """L2 norm of the gradient over steps, per loss: of all weights, and on the logits of one example."""
    panels = {"grad_norm/global": "gradient norm, all weights", "grad_norm/logits": "gradient norm, logits"}
    return _series(evidence, evidence.steps, "step", panels, log=True)


def _series(
    evidence: Evidence, rows: pd.DataFrame, x: str, panels: dict[str, str], log: bool = False
) -> Figure:
    """One row of panels per setting; lines are means over seeds, bands their 95% t intervals."""
    cells = list(by_setting(evidence.runs))
    fig = new_figure(PAGE_WIDTH, 2.35 * len(cells))
    axes = fig.subplots(len(cells), len(panels), squeeze=False, sharex=True)
    styles = loss_styles(list(evidence.runs["loss"].unique()))
    for (setting, group), line in zip(cells, axes, strict=True):
        for ax, (column, title) in zip(line, panels.items(), strict=True):
            for loss, runs in group.groupby("loss", sort=False):
                seen = rows[rows["run"].isin(runs["run"])]
                draw_band(ax, seen, x, column, label=f"{loss} (n = {len(runs)})", log=log, **styles[loss])
            ax.set_ylabel(title)
            if log:
                ax.set_xscale("log")
                ax.set_yscale("log")
        if setting:
            line[0].set_title(", ".join(str(v) for v in setting.values()), loc="left")
    for ax in axes[-1]:
        ax.set_xlabel(x)
    axes[0, 0].legend()
    return fig


def draw_band(ax, rows: pd.DataFrame, x: str, y: str, log: bool = False, **line) -> None:
    """Draw the mean over runs and its 95% t interval; geometric mean on a log axis."""
    values = np.log(rows[y]) if log else rows[y]
    stat = values.groupby(rows[x]).agg(["mean", "std", "count"])
    half = stats.t.ppf(0.975, np.maximum(stat["count"] - 1, 1)) * stat["std"] / np.sqrt(stat["count"])
    back = np.exp if log else (lambda v: v)
    ax.fill_between(
        stat.index,
        back(stat["mean"] - half),
        back(stat["mean"] + half),
        color=line["color"],
        alpha=0.18,
        linewidth=0,
    )
    ax.plot(stat.index, back(stat["mean"]), **line)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches, without pyplot's global state."""
    fig = Figure(figsize=(width, height))
    FigureCanvasAgg(fig)
    return fig


def style():
    """The context in which figures are drawn and saved."""
    return mpl.rc_context(mpl.rc_params_from_file(STYLE, use_default_template=True))


def save(fig: Figure, path: Path) -> list[Path]:
    """Write PDF, PNG and SVG beside one another, without dates: the same figure gives the same bytes."""
    undated = {
        "pdf": {"CreationDate": None, "Producer": None},
        "png": {"Software": None},
        "svg": {"Date": None},
    }
    written = []
    for suffix, metadata in undated.items():
        written.append(path.with_suffix(f".{suffix}"))
        fig.savefig(written[-1], metadata=metadata)
    return written
