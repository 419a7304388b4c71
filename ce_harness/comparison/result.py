"""What a comparison came to: the answer in words, tables as data frames, figures; shows itself in a notebook."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from ce_harness import places
from ce_harness.report import any_losses, build
from ce_harness.report.evidence import rows
from ce_harness.report.output import answer, style
from ce_harness.report.study import TUNES, Evidence, Study, Table


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Losses compared.

    Attributes:
        study: what was asked.
        evidence: the runs and their series, as data frames.
        report: every table by name, with its title and notes.
    """

    study: Study
    evidence: Evidence
    report: dict[str, Table]

    @classmethod
    def of_tracked(
        cls,
        tracking_uri: str,
        study_name: str,
        losses: Sequence[str],
        seeds: Sequence[int],
        tunes: Sequence[str] = TUNES,
    ) -> Comparison:
        """From the runs of a study in the store.

        Raises:
            TrackingError: the store can't be read.
            TooFewRunsError: no two losses have runs of two seeds in common.
        """
        from ce_harness.tracking.reading import read_runs

        tracked = [run for run in read_runs(tracking_uri, study_name) if int(run.tags["seed"]) in set(seeds)]
        runs = any_losses.of_losses(tracked, losses, study_name, places.run_command())
        study = any_losses.study(losses, runs, tunes)
        evidence = rows.from_files(build.rows_of(runs, study_name, study, Path(any_losses.__file__)), study.tunes)
        compared = build.compared_by(study, evidence)
        return cls(study, compared, build.tables_of(study, evidence, compared))

    @property
    def runs(self) -> pd.DataFrame:
        """One row per run: what it is, and its final metrics."""
        return self.evidence.runs

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The numbers of every table."""
        return {name: table.frame for name, table in self.report.items()}

    @property
    def verdicts(self) -> pd.DataFrame:
        """One row per claim: the verdict and what it rests on."""
        return _shown(self.report["verdicts"])

    @property
    def answer(self) -> str:
        """What the runs say: a paragraph that sums up, then a line per claim."""
        in_words = answer.answer(self.study, self.evidence, self.report)
        return in_words.text if in_words else ""

    @property
    def figures(self) -> dict[str, Figure]:
        """Every figure by name, drawn anew at each call."""
        with style.paper():
            return {name: draw(self.evidence) for name, draw in self.study.figures.items()}

    def __repr__(self) -> str:
        return f"{self.study.question}\n{self.answer}\n\n{_shown(self.report['comparison']).to_string(index=False)}"

    def _repr_html_(self) -> str:
        summary, *sentences = self.answer.splitlines()
        lines = "".join(f"<li>{escape(line)}</li>" for line in sentences)
        table = _shown(self.report["comparison"]).to_html(index=False, border=0)
        with style.paper():
            picture = _png(self.study.figures["learning_curves"](self.evidence))
        source = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
        image = f'<img src="{source}" alt="Learning curves of each loss" style="max-width: 100%; background: white">'
        return f"<p><b>{escape(self.study.question)}</b></p><p>{escape(summary)}</p><ul>{lines}</ul>{table}{image}"


def _shown(table: Table) -> pd.DataFrame:
    return table.frame if table.shown is None else table.shown


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    return content.getvalue()
