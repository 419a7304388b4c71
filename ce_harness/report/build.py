"""From a study and its evidence to a folder of tables, figures and the rows behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from ce_harness.errors import TooFewRunsError
from ce_harness.report import claims, figures, formats, publish, rows, tables
from ce_harness.report.runs import select
from ce_harness.report.study import Evidence, Study, Table

ROWS = "rows"


def rows_from_store(name: str, study: Study, tracking_uri: str) -> dict[str, str]:
    """The rows of a study's tracked runs as CSV texts.

    Raises:
        TrackingError: the store can't be read.
        TooFewRunsError, ConfigError: see ``runs.select``.
    """
    from ce_harness import tracking  # the only need for MLflow: a report from rows does without

    tracked = tracking.read_runs(tracking_uri, name)
    kept, excluded = select(tracked, study.reads, name)
    return rows.to_csv(rows.from_runs(kept, study.reads, excluded))


def build(name: str, study: Study, row_texts: Mapping[str, str] | None, output: Path) -> dict[str, Table]:
    """Make every table and figure of a study in memory, then replace ``output`` by them.

    Args:
        row_texts: the study's rows as CSV texts; None for a study that reads no runs.

    Returns:
        The tables, by file name.
    """
    evidence = rows.from_csv(row_texts) if row_texts else Evidence()
    if row_texts and evidence.runs.empty:
        raise TooFewRunsError(f"study {name!r}: {ROWS}/runs.csv holds no run")
    made = {}
    if study.claims:
        made["verdicts"] = claims.verdicts(evidence, study.claims)
        made["sensitivity"] = claims.sensitivity(evidence, study.claims)
    made |= {file: make(evidence) for file, make in study.tables.items()}
    if len(evidence.excluded):
        made["excluded"] = tables.excluded(evidence)
    with figures.style():
        drawn = {file: make(evidence) for file, make in study.figures.items()}
        with publish.replaced(output) as folder:
            _write(folder, name, row_texts, made, drawn)
    return made


def _write(
    folder: Path,
    name: str,
    row_texts: Mapping[str, str] | None,
    made: dict[str, Table],
    drawn: dict[str, Figure],
) -> None:
    if row_texts:
        (folder / ROWS).mkdir()
        for file, text in row_texts.items():
            (folder / ROWS / file).write_text(text, encoding="utf-8")
    for file, table in made.items():
        (folder / f"{file}.csv").write_text(
            table.frame.to_csv(index=False, lineterminator="\n"), encoding="utf-8"
        )
        (folder / f"{file}.md").write_text(formats.markdown(table), encoding="utf-8")
        (folder / f"{file}.tex").write_text(formats.latex(table, file), encoding="utf-8")
    for file, figure in drawn.items():
        figures.save(figure, folder / file)
    (folder / publish.MARKER).write_text(json.dumps({"study": name}, indent=2) + "\n", encoding="utf-8")
