"""How figures look, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axis import XAxis, YAxis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, NullFormatter

from ce_harness.theory import LOSSES

STYLE = Path(__file__).with_name("paper.mplstyle")
COLUMN_WIDTH = 3.35  # inches
PAGE_WIDTH = 6.9

# For losses that theory.py does not know.
OTHER_STYLES = [{"color": color, "linestyle": (0, (5, 1))} for color in ("#882255", "#7F7F7F", "#999933", "#332288")]


def loss_styles(losses: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and line style of each loss; those that theory.py does not know take the other styles in order."""
    others = cycle(OTHER_STYLES)
    return {
        loss: {"color": facts.color, "linestyle": facts.linestyle} if (facts := LOSSES.get(loss)) else next(others)
        for loss in losses
    }


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches, without pyplot's global state."""
    fig = Figure(figsize=(width, height))
    FigureCanvasAgg(fig)
    return fig


def logarithmic(*axes: XAxis | YAxis) -> None:
    """Log scales whose ticks are plain numbers: Matplotlib's own are formulas, which the style switches off."""
    for axis in axes:
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})
        axis.set_major_formatter(LogFormatter())
        axis.set_minor_formatter(NullFormatter())


def paper() -> AbstractContextManager[None]:
    """The context in which figures are drawn and saved."""
    return mpl.rc_context(mpl.rc_params_from_file(STYLE, use_default_template=True))


def rendered(figure: Figure, name: str) -> dict[str, bytes]:
    """The figure as PDF, PNG and SVG files; without dates, so that the same figure is the same bytes."""
    if layout := figure.get_layout_engine():
        layout.execute(figure)
    figure.set_layout_engine("none")  # laid out once, for all three
    pdf, png, svg = BytesIO(), BytesIO(), BytesIO()
    # Figure.savefig draws everything twice, to lay it out again.
    FigureCanvasPdf(figure).print_pdf(pdf, metadata={"CreationDate": None})
    FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None})
    figure.dpi = mpl.rcParams["savefig.dpi"]
    FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})
    return {f"{name}.pdf": pdf.getvalue(), f"{name}.png": png.getvalue(), f"{name}.svg": svg.getvalue()}
