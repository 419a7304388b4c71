"""How figures look, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
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
from matplotlib.ticker import FuncFormatter, Locator, NullFormatter, NullLocator

from ce_harness.report.output import alternative
from ce_harness.theory import LOSSES

PAPER, SLIDES = (Path(__file__).with_name(f"{medium}.mplstyle") for medium in ("paper", "slides"))
COLUMN_WIDTH = 3.35  # inches
PAGE_WIDTH = 6.9

# In an SVG: what Matplotlib names by a hash, and numbers of 1/72 inch that are longer than anybody sees.
NAMES = re.compile(rb"\b[A-Za-z][0-9a-f]{10}\b")
COORDINATES = re.compile(rb"(?<!scale\()-?\b\d+\.\d{5,}")

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

# For losses that theory.py does not know.
OTHER_STYLES = [{"color": color, "linestyle": (0, (5, 1))} for color in ("#882255", "#7F7F7F", "#999933", "#332288")]


def loss_styles(losses: Iterable[str]) -> dict[str, dict[str, Any]]:
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
        axis.set_major_formatter(FuncFormatter(power_of_ten))
        axis.set_minor_formatter(NullFormatter())


def in_parts_of_decades(axis: XAxis | YAxis) -> None:
    """A log scale with ticks at 1, 2 and 5, for what covers a decade or two; at some more for what covers less."""
    logarithmic(axis)
    axis.set_major_locator(_PartsOfDecades())
    axis.set_minor_locator(NullLocator())


class _PartsOfDecades(Locator):
    def __call__(self) -> list[float]:
        assert self.axis is not None
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        parts = (1, 2, 3, 4, 6) if vmax < 5 * vmin else (1, 2, 5)
        return [part * 10.0**power for power in range(-6, 4) for part in parts]


def power_of_ten(value: float, _: object = None) -> str:
    """A tick of a log axis: ``0.02``, ``100``, ``10⁻⁵``."""
    if value <= 0 or 1e-3 <= value < 1e4:
        return f"{value:g}"
    digits, _, exponent = f"{value:e}".partition("e")
    power = "10" + str(int(exponent)).translate(SUPERSCRIPTS)
    return power if float(digits) == 1 else f"{float(digits):g}·{power}"


def paper() -> AbstractContextManager[None]:
    """The context in which figures are drawn and saved."""
    return mpl.rc_context(mpl.rc_params_from_file(PAPER, use_default_template=True))


@contextmanager
def slides() -> Iterator[None]:
    """The same for slides: text and lines are larger, and pictures have more pixels."""
    with paper(), mpl.rc_context(mpl.rc_params_from_file(SLIDES, use_default_template=False)):
        yield


def rendered(figure: Figure, name: str) -> dict[str, bytes]:
    """The figure as PDF, PNG and SVG files; without dates, so that the same figure is the same bytes.

    Each holds in its metadata what the figure shows, as the alternative for those who can't see it.
    """
    shows = alternative.text(figure)
    if layout := figure.get_layout_engine():
        layout.execute(figure)
    figure.set_layout_engine("none")  # laid out once, for all three
    pdf, png, svg = BytesIO(), BytesIO(), BytesIO()
    # Figure.savefig draws everything twice, to lay it out again.
    FigureCanvasPdf(figure).print_pdf(pdf, metadata={"CreationDate": None, "Subject": shows})
    FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None, "Description": shows})
    figure.dpi = mpl.rcParams["savefig.dpi"]
    FigureCanvasAgg(figure).print_png(png, metadata={"Software": None, "Description": shows})
    return {
        f"{name}.pdf": pdf.getvalue(),
        f"{name}.png": png.getvalue(),
        f"{name}.svg": _on_any_processor(svg.getvalue()),
    }


def _on_any_processor(svg: bytes) -> bytes:
    """The same bytes whatever processor has placed the parts: to its last bits, of which Matplotlib makes names."""
    told, end, drawn = svg.partition(b"</metadata>")  # what the figure shows is told as it is
    names: dict[bytes, bytes] = {}
    numbered = NAMES.sub(lambda name: names.setdefault(name[0], b"part%d" % len(names)), drawn)
    return told + end + COORDINATES.sub(lambda number: b"%.4f" % float(number[0]), numbered)
