"""One self-contained page per report: question, results, figures, methods, how to reproduce, provenance."""

from __future__ import annotations

import base64
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ce_harness.report.output.formats import right_aligned, shown
from ce_harness.report.study import Study, Table
from ce_harness.report.verdicts.claims import VERDICTS


def render(study: Study, facts: Mapping[str, Any], tables: Mapping[str, Table], svg: Mapping[str, bytes]) -> str:
    """The page as HTML; opens from disk, loads nothing.

    Args:
        facts: of ``provenance.describe``.
        tables: file name -> table, in the order shown.
        svg: file name -> the figure.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja").render(
        study=study,
        facts=facts,
        tables={name: _table(table) for name, table in tables.items()},
        figures={
            name: {
                "source": "data:image/svg+xml;base64," + base64.b64encode(picture).decode(),
                "caption": caption(study, name),
            }
            for name, picture in svg.items()
        },
        verdicts=VERDICTS,
    )


def caption(study: Study, figure: str) -> str:
    """The docstring of the function that draws the figure."""
    draw = study.figures[figure]
    return " ".join((inspect.getdoc(getattr(draw, "func", draw)) or figure).split())


def _table(table: Table) -> dict[str, Any]:
    made = shown(table)
    return {
        "title": made.title,
        "columns": list(zip(made.cells.columns, right_aligned(made.cells), strict=True)),
        "rows": made.cells.to_numpy().tolist(),
        "notes": made.notes,
    }
