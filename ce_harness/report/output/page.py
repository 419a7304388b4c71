"""One self-contained page per report: answer, a card per claim, questions with their figures and tables, methods."""

from __future__ import annotations

import base64
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from PIL import Image

from ce_harness.report.output.answer import Answer
from ce_harness.report.output.forest import forest
from ce_harness.report.output.formats import right_aligned, shown
from ce_harness.report.output.glossary import glossary
from ce_harness.report.output.style import PAGE_WIDTH
from ce_harness.report.study import Study, Table
from ce_harness.report.verdicts.claims import VERDICTS

LARGEST_SVG = 60_000  # bytes; a drawing of more is smaller as a picture of few colours
COLORS = 64
DOCUMENT = re.compile(r"\bdocs/\w+\.(?:md|ipynb)")
FOLDED = 16  # rows of a table from which it is folded
HEADLINES = ("differences", "learning_curves")  # the figure at the top: the first of these that a study has


@dataclass(frozen=True)
class Topic:
    """A question of the page: its figures beside its tables, by file name."""

    title: str
    figures: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


TOPICS = (
    Topic("How well does each loss train?", ("learning_curves", "time_to_target"), ("comparison",)),
    Topic("How far apart are they, pair by pair?", ("differences",), ("paired_differences", "equal_error")),
    Topic("What do the gradients do?", ("gradient_norms", "gradient_by_probability", "layer_heat_map")),
    Topic(
        "How good are the probabilities?", ("reliability", "reliability_calibrated"), ("captures_confidence",)
    ),
    Topic("Which classes are confused?", ("confusion",), ("per_class",)),
    Topic("At which learning rates?", ("accuracy_by_rate",), ("learning_rates",)),
    Topic("What do the tutorial and the literature say?", (), ("why_cross_entropy", "literature")),
)  # fmt: skip
ALL, REST, BEHIND = "Results", "Further results", "Behind the verdicts"


def render(
    study: Study,
    facts: Mapping[str, Any],
    tables: Mapping[str, Table],
    pictures: Mapping[str, bytes],
    answer: Answer | None = None,
    has_overview: bool = False,
) -> str:
    """The page as HTML; opens from disk, loads nothing.

    Args:
        facts: of ``provenance.describe``.
        tables: file name -> table, in the order shown.
        pictures: the figures' files, ``NAME.svg`` and ``NAME.png`` among them.
        answer: in words; None where the study makes no claims.
        has_overview: whether a page over all reports lies in the folder above.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made = {name: _table(table) for name, table in tables.items()}
    environment.filters["linked"] = partial(_linked, has_overview)
    return environment.get_template("page.html.jinja").render(
        study=study,
        facts=facts,
        answer=answer,
        has_overview=has_overview,
        cards=[(one, forest(one)) for one in answer.claims] if answer else [],
        headline=next((name for name in HEADLINES if answer and name in study.figures), ""),
        topics=list(_topics(study, tables)),
        tables=made,
        figures={name: _figure(study, name, pictures) for name in study.figures},
        glossary=glossary({cell for table in made.values() for row in table["rows"] for cell in row}),
        verdicts=VERDICTS,
    )


def _linked(in_results: bool, note: str) -> Markup:
    """A note whose pages of docs/ are links, where the report lies in the folder ``results`` of a checkout."""
    text = str(escape(note))
    return Markup(DOCUMENT.sub(r'<a href="../../\g<0>">\g<0></a>', text) if in_results else text)


def caption(study: Study, figure: str) -> str:
    """The docstring of the function that draws the figure."""
    draw = study.figures[figure]
    return " ".join((inspect.getdoc(getattr(draw, "func", draw)) or figure).split())


def _topics(study: Study, tables: Mapping[str, Table]) -> Iterator[Topic]:
    """The topics that a study says something about; last the tables that its verdicts rest on."""
    behind = [name for name in tables if name.startswith("verdicts") or name in ("sensitivity", "excluded")]
    placed = {name for topic in TOPICS for name in topic.tables} | set(behind)
    drawn = {name for topic in TOPICS for name in topic.figures}
    rest = Topic(
        REST if placed & set(tables) or drawn & set(study.figures) else ALL,
        tuple(name for name in study.figures if name not in drawn),
        tuple(name for name in tables if name not in placed),
    )
    for topic in (*TOPICS, rest, Topic(BEHIND, (), tuple(behind))):
        figures = tuple(name for name in topic.figures if name in study.figures)
        of_topic = tuple(name for name in topic.tables if name in tables)
        if figures or of_topic:
            yield Topic(topic.title, figures, of_topic)


def _figure(study: Study, name: str, pictures: Mapping[str, bytes]) -> dict[str, str | int]:
    svg, png = pictures[f"{name}.svg"], pictures[f"{name}.png"]
    with Image.open(BytesIO(png)) as picture:
        shows, inches = str(picture.info["Description"]), picture.width / picture.info["dpi"][0]
    share = min(round(100 * inches / PAGE_WIDTH), 100)
    return {"source": _data_uri(svg, png), "caption": caption(study, name), "shows": shows, "share": share}


def _data_uri(svg: bytes, png: bytes) -> str:
    if len(svg) <= LARGEST_SVG:
        return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()
    smaller = BytesIO()
    with Image.open(BytesIO(png)) as picture:
        picture.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE).save(smaller, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(smaller.getvalue()).decode()


def _table(table: Table) -> dict[str, Any]:
    made = shown(table)
    return {
        "title": made.title,
        "columns": list(zip(made.cells.columns, right_aligned(made.cells), strict=True)),
        "rows": made.cells.to_numpy().tolist(),
        "notes": made.notes,
        "folded": len(made.cells) > FOLDED,
    }
