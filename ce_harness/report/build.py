"""From a study and its rows to a folder of tables, figures, one page and the rows behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ce_harness.errors import TooFewRunsError, TrackingError
from ce_harness.report import claims, formats, page, provenance, publish, rates, rows, style, tables
from ce_harness.report.outcomes import settings
from ce_harness.report.runs import select
from ce_harness.report.study import Evidence, Study, Table

if TYPE_CHECKING:
    from ce_harness.tracking import TrackedRun

ROWS = "rows"


def rows_of(tracked: Sequence[TrackedRun], name: str, study: Study, study_file: Path) -> dict[str, str]:
    """The rows of a study's tracked runs as CSV texts.

    Raises:
        TrackingError: an artifact can't be read.
        TooFewRunsError, ConfigError: see ``runs.select``.
    """
    kept, excluded = select(tracked, study.reads, name, study.train and f"study={name} {study.train}")
    try:
        evidence = rows.from_runs(kept, study.reads, excluded)
    except OSError as error:
        raise TrackingError(f"an artifact of a run can't be read ({error})") from error
    commits = evidence.runs["git_commit"]
    evidence.runs["study_digest"] = [provenance.digest_at(commit, study_file) for commit in commits]
    return rows.to_csv(evidence)


def build(
    name: str, study: Study, study_file: Path, row_texts: Mapping[str, str] | None, output: Path
) -> dict[str, Table]:
    """Make everything in memory, then replace ``output`` by it.

    Args:
        name: of the study.
        study_file: where the study is written down.
        row_texts: the study's rows as CSV texts; None for a study that reads no runs.

    Returns:
        The tables, by file name.

    Raises:
        TooFewRunsError: rows without a run.
        DiskError: see ``publish.replaced``.
    """
    evidence = rows.from_csv(row_texts) if row_texts else Evidence()
    if row_texts and evidence.runs.empty:
        raise TooFewRunsError(f"study {name!r}: its {ROWS}/runs.csv holds no run")
    made = _tables(study, evidence)
    facts = provenance.describe(name, study_file, evidence)
    files = {f"{ROWS}/{file}": text for file, text in (row_texts or {}).items()}
    for file, table in made.items():
        files[f"{file}.csv"] = table.frame.to_csv(index=False, lineterminator="\n")
        files[f"{file}.md"] = formats.markdown(table)
        files[f"{file}.tex"] = formats.latex(table, file)
    pictures = {}
    with style.paper():
        for file, draw in study.figures.items():
            pictures |= style.rendered(draw(evidence), file)
    svg = {file: pictures[f"{file}.svg"] for file in study.figures}
    files["index.html"] = page.render(study, facts, made, svg)
    files[publish.MARKER] = json.dumps(facts, indent=2) + "\n"
    with publish.replaced(output) as folder:
        for file, content in (pictures | files).items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    return made


def _tables(study: Study, evidence: Evidence) -> dict[str, Table]:
    made = {}
    if study.claims:
        made["verdicts"] = claims.verdicts(evidence, study.claims)
        if "learning_rate" in settings(evidence.runs):
            made["learning_rates"] = rates.chosen_rates(evidence)
            made["verdicts_at_best_rates"] = claims.verdicts(rates.at_best_rates(evidence), study.claims)
            scaled = rates.at_equal_gradient_scale(evidence)
            if len(scaled.runs):
                verdicts = claims.verdicts(scaled, study.claims)
                verdicts = replace(verdicts, title=rates.EQUAL_SCALE, notes=(*verdicts.notes, rates.EQUAL_SCALE_NOTE))
                made["verdicts_at_equal_gradient_scale"] = verdicts
    made |= {file: make(evidence) for file, make in study.tables.items()}
    if study.claims:
        made["sensitivity"] = claims.sensitivity(evidence, study.claims)
    if len(evidence.excluded):
        made["excluded"] = tables.excluded(evidence)
    return made
