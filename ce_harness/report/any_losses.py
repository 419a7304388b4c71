"""The comparison of any losses, for which no study file was written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Any

from ce_harness.errors import TooFewRunsError
from ce_harness.report.evidence import unnamed
from ce_harness.report.evidence.grid import normal, number
from ce_harness.report.evidence.run import Run, value
from ce_harness.report.output import figures
from ce_harness.report.output.classes import confusion, per_class
from ce_harness.report.output.tables import comparison, equal_error, paired_differences
from ce_harness.report.study import TUNES, Claim, Study, Where

METRICS = ("test/accuracy", "test/nll", "test/brier", "test/ece")
ALWAYS = ("dataset", "model", "optimizer")
LEAST_SEEDS = 2  # that two losses share in a setting


def study(losses: Sequence[str], runs: Sequence[Run] = (), tunes: Sequence[str] = TUNES) -> Study:
    """The study of every setting in which at least two of the losses were trained.

    A setting is a combination of data set, model, optimizer and whatever else the runs differ in. The parameters of a
    loss and what is tuned are no part of it.

    Args:
        losses: the last is the one that all others are compared with.
        runs: tracked runs of the losses; none where the rows are read from an earlier report.
        tunes: see ``Study``.
    """
    *_, last = losses
    return Study(
        question=f"Which of {', '.join(losses[:-1])} and {last} trains the better model?",
        reads={"loss": tuple(losses), **_grid(runs, tunes)},
        where=_trained(runs, tunes),
        tunes=tunes,
        claims=tuple(claim for first in losses[:-1] for claim in _claims(first, last)),
        tables={
            "comparison": comparison,
            "paired_differences": partial(paired_differences, reference=last),
            "equal_error": equal_error,
            "per_class": per_class,
        },
        figures={
            "learning_curves": figures.learning_curves,
            "gradient_norms": figures.gradient_norms,
            "gradient_by_probability": figures.gradient_by_probability,
            "time_to_target": figures.time_to_target,
            "reliability": figures.reliability,
            "confusion": confusion,
            "differences": partial(figures.differences, reference=last, metrics=METRICS),
        },
        train=f"loss={','.join(losses)} seed=0,1,2,3,4,5,6,7,8,9",
    )


def of_losses(runs: Sequence[Run], losses: Sequence[str], tracked_as: str, run_command: str) -> list[Run]:
    """The runs of these losses.

    Raises:
        TooFewRunsError: there are none of one of them.
    """
    tracked = sorted({value(run, "loss") for run in runs})
    for loss in losses:
        if loss not in tracked:
            raise TooFewRunsError(
                f"study {tracked_as!r} has no run of loss {loss!r}; tracked losses: {', '.join(tracked) or 'none'}; "
                f"name another study with --study, or train: {run_command} -m study={tracked_as} "
                f"loss={','.join(losses)} seed=0,1,2,3,4,5,6,7,8,9"
            )
    return [run for run in runs if value(run, "loss") in losses]


def _setting_keys(runs: Sequence[Run], tunes: Sequence[str]) -> list[str]:
    varying = unnamed.varying(runs, (*tunes, "seed"))
    return [*ALWAYS, *(key for key in varying if not key.startswith("loss."))]


def _grid(runs: Sequence[Run], tunes: Sequence[str]) -> dict[str, list[object]]:
    """Every value of what the runs differ in."""
    grid: dict[str, list[object]]
    grid = {key: [*sorted({value(run, key) for run in runs})] for key in _setting_keys(runs, tunes)}
    for key in tunes:
        tried = {number(value(run, key)) for run in runs}
        grid[key] = [*sorted(tried, key=lambda one: (isinstance(one, str), one))]
    return {**grid, "seed": [*sorted({int(value(run, "seed")) for run in runs})]}


def _trained(runs: Sequence[Run], tunes: Sequence[str]) -> Where:
    """Whether a combination, its seed aside, was trained, and in a setting where two losses can be compared."""
    keys = _setting_keys(runs, tunes)
    seeds: dict[tuple[str, ...], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    trained = set()
    for run in runs:
        setting = tuple(value(run, key) for key in keys)
        seeds[setting][value(run, "loss")].add(value(run, "seed"))
        trained.add((setting, value(run, "loss"), *(number(value(run, key)) for key in tunes)))
    compared = {
        setting
        for setting, of_losses in seeds.items()
        if any(len(one & other) >= LEAST_SEEDS for one, other in combinations(of_losses.values(), 2))
    }

    def where(combination: Mapping[str, object]) -> bool:
        setting = tuple(str(combination[key]) for key in keys)
        # Where nothing can be compared, all is kept: the message then counts it.
        return (not compared or setting in compared) and (
            (setting, combination["loss"], *(normal(combination[key]) for key in tunes)) in trained
        )

    return where


def _claims(first: str, second: str) -> tuple[Claim, ...]:
    pair: dict[str, Any] = {"first": first, "second": second}
    return (
        Claim(f"{first} is more accurate than {second}", "test/accuracy", relation="greater", margin=0.005, **pair),
        Claim(f"{first} has a lower NLL than {second}", "test/nll", relation="less", margin=0.01, **pair),
        Claim(f"{first} has a lower Brier score than {second}", "test/brier", relation="less", margin=0.005, **pair),
        Claim(f"{first} is better calibrated than {second}", "test/ece", relation="less", margin=0.005, **pair),
        Claim(f"{first} converges faster than {second}", "epochs_to/0.95", relation="less", margin=1, **pair),
    )
