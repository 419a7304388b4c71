"""From a study and its rows to a folder of tables, figures, one page and the rows behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ce_harness.errors import ConfigError, TooFewRunsError, TrackingError
from ce_harness.report import provenance
from ce_harness.report.evidence import rows
from ce_harness.report.evidence.run import Run
from ce_harness.report.evidence.selection import select
from ce_harness.report.output import answer, drawing, learning_rates, overview, page, publish, style, tables
from ce_harness.report.output.answer import Answer
from ce_harness.report.output.verdict_tables import View, sensitivity_table, verdicts, verdicts_by_setting
from ce_harness.report.study import Evidence, Study, Table
from ce_harness.report.verdicts import claims, outcomes, rates
from ce_harness.report.verdicts.settings import setting_columns


@dataclass(frozen=True)
class Report:
    """What was made of a study.

    Attributes:
        tables: by file name.
        answer: in words; None where the study makes no claims.
    """

    tables: Mapping[str, Table]
    answer: Answer | None


def rows_of(
    runs: Sequence[Run],
    name: str,
    study: Study,
    study_file: Path,
    train: str = "",
    mix: bool = False,
    code_now: str = "",
) -> dict[str, bytes]:
    """The rows of a study's runs as the files of a report.

    Args:
        name: of the study that the runs were trained under.
        train: the command that trains them.
        mix: whether runs of other code and other data count, too.
        code_now: the digest of the harness as it is now.

    Raises:
        TrackingError: an artifact can't be read.
        TooFewRunsError, ConfigError: see ``selection.select``.
    """
    selected = select(runs, study, name, train, mix, code_now)
    try:
        evidence = rows.from_runs(selected, study.reads or {}, study.tunes)
    except OSError as error:
        raise TrackingError(f"an artifact of a run can't be read ({error})") from error
    for frame in (evidence.runs, evidence.tuning):
        if len(frame):
            frame["study_digest"] = provenance.digests_then(study_file, frame["git_commit"], frame["start_time"])
            digests = {commit: provenance.judging_digest_at(commit) for commit in frame["git_commit"].unique()}
            frame["judging_digest"] = frame["git_commit"].map(digests)
    return rows.to_files(evidence)


def build(
    name: str,
    study: Study,
    study_file: Path,
    row_files: Mapping[str, bytes] | None,
    output: Path,
    commands: Mapping[str, Any] | None = None,
    look: Callable[[], AbstractContextManager[None]] = style.paper,
) -> Report:
    """Make everything in memory, then replace ``output`` by it.

    Args:
        name: of the study.
        study_file: where the study is written down.
        row_files: the study's rows, by file name; None for a study that reads no runs.
        output: an absolute path.
        commands: those that make the report: ``train``, a list, and ``report``.
        look: the context in which figures are drawn.

    Raises:
        TooFewRunsError: rows without a run.
        ConfigError: a claim is about a metric that no run has.
        DiskError: see ``publish.write``.
    """
    evidence = rows.from_files(row_files, study.tunes) if row_files else Evidence()
    if row_files and evidence.runs.empty:
        raise TooFewRunsError(f"study {name!r}: its {rows.FOLDER}/runs.csv holds no run")
    for claim in study.claims:
        if not outcomes.is_known(evidence, claim.metric):
            measured = sorted({name for name in (*evidence.runs, *evidence.epochs) if "/" in name})
            raise ConfigError(
                f"claim {claim.statement!r}: no run has the metric {claim.metric!r}; they have {', '.join(measured)}"
            )
    facts = provenance.describe(name, study_file, evidence)
    facts["commands"] = {"train": [], "report": "", "folder": _as_typed(output), **(commands or {})}
    compared = compared_by(study, evidence)
    with drawing.being_drawn(study.figures, compared, look) as pictures_when_done:
        made = tables_of(study, evidence, compared)
        in_words = answer.answer(study, compared, made)
        pictures = pictures_when_done()
    files: dict[str, str | bytes] = {f"{rows.FOLDER}/{file}": content for file, content in (row_files or {}).items()}
    files |= publish.table_files(made)
    if in_words:
        files["answer.md"] = answer.markdown(study.question, in_words)
    files["index.html"] = page.render(study, facts, made, pictures, in_words, overview.is_over(output))
    told = {"question": study.question, "answer": in_words.summary if in_words else ""}
    publish.write(pictures | files, facts | told, output)
    return Report(made, in_words)


def compared_by(study: Study, evidence: Evidence) -> Evidence:
    """The runs at the learning rates that a study compares, with what it asks of them."""
    return replace(rates.compared(study, evidence), claims=study.claims, apart=study.apart)


def tables_of(study: Study, evidence: Evidence, compared: Evidence) -> dict[str, Table]:
    """The verdicts, the study's own tables, and what lies behind the verdicts.

    Args:
        evidence: all runs.
        compared: those at the learning rates that are compared.
    """
    made, behind = {}, {}
    view = partial(View, control=study.control, apart=study.apart)
    if study.claims:
        main = view(compared)
        made["verdicts"] = verdicts(main, study.claims)
        if setting_columns(compared.runs):
            behind["verdicts_by_setting"] = verdicts_by_setting(main, study.claims)
        behind["sensitivity"] = sensitivity_table(main, study.claims)
    if rates.differ(evidence) and not study.random_search:
        made["learning_rates"] = learning_rates.chosen_rates(compared)
        for name, runs, note in rates.views(evidence, study.tuned_for):
            if concerned := claims.decidable(study.claims, runs):
                other = view(runs, name.replace("_", " "), note)
                made[f"verdicts_{name}"] = verdicts(other, concerned)
                behind[f"verdicts_by_setting_{name}"] = verdicts_by_setting(other, concerned)
    made |= {file: make(compared) for file, make in study.tables.items()} | behind
    if len(evidence.excluded):
        made["excluded"] = tables.excluded(evidence)
    return made


def _as_typed(output: Path) -> str:
    here = Path.cwd()
    return str(output.relative_to(here) if output.is_relative_to(here) else output)
