"""The studies of experiments/ from the first plan to the report, on made-up runs of a part of their settings."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from ce_harness.report.build import build, rows_of
from ce_harness.report.evidence import rows
from ce_harness.report.evidence.selection import survey
from ce_harness.report.verdicts.tuning import planned_runs
from tests.report.synthetic import Run

# What is kept of each study beside its losses, rates and six seeds, with the number of runs that choose rates.
PARTS = {
    "mse_vs_ce_2": ({"dataset": ["digits"], "model": ["softmax_regression"], "optimizer": ["sgd"]}, 2 * 7 * (5 + 6)),
    "number_of_classes": ({"dataset.num_classes": [2, 10]}, 2 * 2 * 6 * 6),
    "label_noise": ({"dataset": ["digits"]}, 2 * 3 * 2 * 4 * 3),
    "tuning_budget": ({"dataset": ["digits"], "optimizer": ["sgd"]}, 60 * 5),
}
TAGS = ("dataset", "model", "optimizer")


def made_up(combination):
    """A run that is the more accurate the nearer its rate is to .1."""
    loss, seed, rate = (combination[name] for name in ("loss", "seed", "learning_rate"))
    told = {name: str(value) for name, value in combination.items() if name not in ("loss", "seed")}
    tags = {name: told.pop(name) for name in TAGS} | {"num_classes": told.get("dataset.num_classes", "10")}
    accuracy = 0.95 - 0.05 * abs(np.log10(rate) + 1)
    scores = {"val/nll": 1 - accuracy, "val/brier": 1 - accuracy}
    return Run(loss, seed, accuracy, tags=tags, params=told, metrics=scores, run_id=str(combination))


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow  # every table and figure of four studies, twice
@pytest.mark.parametrize("name", PARTS)
def test_missing_runs_are_planned_judged_drawn_and_rebuilt_from_their_rows(name, tmp_path):
    module = import_module(f"experiments.{name}")
    study, file = module.STUDY, Path(module.__file__)
    part, planned = PARTS[name]
    study = replace(
        study,
        reads=study.reads | part | {"seed": study.reads["seed"][:6] if study.tuning_seeds else study.reads["seed"]},
        tuning_seeds=study.tuning_seeds[:2],
    )
    tracked = [made_up(combination) for combination in planned_runs(study)]
    assert len(tracked) == planned
    tracked += [made_up(combination) for combination in survey(tracked, study, name).missing]
    assert survey(tracked, study, name).missing == []
    row_files = rows_of(tracked, name, study, file)
    commands = {"folder": "results"}
    report = build(name, study, file, row_files, tmp_path / "first", commands)
    build(name, study, file, rows.read(tmp_path / "first")[0], tmp_path / "again", commands)
    assert contents(tmp_path / "first") == contents(tmp_path / "again")
    assert set(study.tables) <= set(report.tables)
    assert {f"{figure}.pdf" for figure in study.figures} <= {path.name for path in (tmp_path / "first").iterdir()}
    assert len(report.tables["verdicts"].frame["claim"].unique()) == len(study.claims)
