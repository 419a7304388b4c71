"""Where the best rate of a loss is the smallest or largest of its grid: would a wider grid have chosen another?

Command: python -m benchmarks edges    (the rates beyond those of the large studies, with their tuning seeds)

The rules of a study were fixed before its runs, so no run of these joins a verdict. They tell what the edge cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from benchmarks.trained_again import committed, settings, train
from ce_harness.report.evidence.run import tuning_scores
from ce_harness.report.output.formats import NOTHING
from ce_harness.report.output.labels import loss_names, setting_column
from ce_harness.report.study import Table
from ce_harness.report.verdicts.outcomes import failed
from ce_harness.report.verdicts.rates import chosen
from ce_harness.report.verdicts.tuning import CHOSEN_BY, choose

STUDIES = ("mse_vs_ce_2", "number_of_classes", "label_noise")
RATE = "learning_rate"


def edges(name: str) -> Table:
    """Each loss and setting whose best rate is at the edge of its grid: that rate, and those beyond.

    Args:
        name: of a committed study that tunes the learning rate.
    """
    study, evidence = committed(name)
    tuning, rates = evidence.tuning, chosen(evidence)
    columns = list(rates.columns[: rates.columns.get_loc(RATE)])
    at_edge = rates[rates["at_edge"]].to_dict("records")
    grids = [tuning[(tuning[columns] == [best[key] for key in columns]).all(axis=1)] for best in at_edge]
    asked = [beyond(grid, best[RATE]) for grid, best in zip(grids, at_edge, strict=True)]
    runs = train([(name, values) for further in asked for values in settings(study, further)])
    scores = np.split([tuning_scores(run)[CHOSEN_BY] if run else np.nan for run in runs], np.cumsum([*map(len, asked)]))
    names = loss_names(evidence)
    lines = []
    for best, grid, further, found in zip(at_edge, grids, asked, scores[:-1], strict=True):
        setting = setting_column({key: best[key] for key in columns if key != "loss"})
        for line in compared(grid, further.assign(**{CHOSEN_BY: found}), best[RATE]):
            lines.append({**setting, "loss": names[best["loss"]], **line})
    frame = pd.DataFrame(lines)
    return Table(
        f"Rates beyond the grids of {name}",
        frame,
        frame.assign(**{CHOSEN_BY: frame[CHOSEN_BY].map("{:.4f}".format, na_action="ignore").fillna(NOTHING)}),
        (
            f"Mean {CHOSEN_BY} of the study's tuning seeds that trained. Chosen: by the study's rule, of its grid and "
            "the rates beyond.",
        ),
    )


def beyond(grid: pd.DataFrame, best: float) -> pd.DataFrame:
    """The runs to train: those of the best rate, at two rates beyond it. The last two steps of the grid go on."""
    *_, third_last, second_last, last = sorted(grid[RATE].unique(), reverse=bool(best == grid[RATE].min()))
    further = [float(f"{best * rate / third_last:.2g}") for rate in (second_last, last)]
    return pd.concat([grid[grid[RATE] == best].assign(**{RATE: rate}) for rate in further])


def compared(grid: pd.DataFrame, further: pd.DataFrame, best: float) -> list[Mapping[str, object]]:
    """A line for the best rate of the grid, and for each rate beyond it."""
    runs = pd.concat([grid, further], ignore_index=True)
    now = choose(runs, ["loss"])[RATE].item()
    lines: list[Mapping[str, object]] = []
    for rate in (best, *further[RATE].unique()):
        here = runs[runs[RATE] == rate]
        bad = failed(here, CHOSEN_BY)
        lines.append(
            {
                "learning rate": rate,
                "it lies": "at the edge" if rate == best else "beyond",
                "failed": int(bad.sum()),
                CHOSEN_BY: here[CHOSEN_BY][~bad].mean(),
                "chosen": "yes" if rate == now else "",
            }
        )
    return lines


TABLES = {name: partial(edges, name) for name in STUDIES}
