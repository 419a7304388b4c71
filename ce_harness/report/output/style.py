"""How figures look, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

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


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches, without pyplot's global state."""
    fig = Figure(figsize=(width, height))
    FigureCanvasAgg(fig)
    return fig


def paper():
    """The context in which figures are drawn and saved."""
    return mpl.rc_context(mpl.rc_params_from_file(STYLE, use_default_template=True))


def rendered(figure: Figure, name: str) -> dict[str, bytes]:
    """The figure as PDF, PNG and SVG files; without dates, so that the same figure is the same bytes."""
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine("none")  # laid out once, for all three
    pdf, png, svg = BytesIO(), BytesIO(), BytesIO()
    # Figure.savefig draws everything twice, to lay it out again.
    FigureCanvasPdf(figure).print_pdf(pdf, metadata={"CreationDate": None})
    FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None})
    figure.dpi = mpl.rcParams["savefig.dpi"]
    FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})
    return {f"{name}.pdf": pdf.getvalue(), f"{name}.png": png.getvalue(), f"{name}.svg": svg.getvalue()}
