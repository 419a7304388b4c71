"""The comparison of any two losses, for which no study file was written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from ce_harness.errors import TooFewRunsError
from ce_harness.report.evidence.selection import setting
from ce_harness.report.output import figures
from ce_harness.report.output.tables import comparison, equal_error, paired_differences
from ce_harness.report.study import Claim, Study

if TYPE_CHECKING:
    from ce_harness.tracking.reading import TrackedRun

METRICS = ("test/accuracy", "test/nll", "test/brier", "test/ece")
TEXT = ("dataset", "model", "optimizer")
NUMBERS = {"learning_rate": float, "seed": int}


def study(first: str, second: str, runs: Sequence[TrackedRun] = ()) -> Study:
    """The study that reads every dataset, model, optimizer, learning rate and seed of the runs given.

    Args:
        runs: tracked runs of the two losses; none where the rows are read from an earlier report.
    """
    return Study(
        question=f"Which of {first} and {second} trains the better model?",
        reads={"loss": (first, second), **_grid(runs)},
        claims=_claims(first, second),
        tables={
            "comparison": comparison,
            "paired_differences": partial(paired_differences, reference=second),
            "equal_error": equal_error,
        },
        figures={
            "learning_curves": figures.learning_curves,
            "gradient_norms": figures.gradient_norms,
            "gradient_by_probability": figures.gradient_by_probability,
            "time_to_target": figures.time_to_target,
            "reliability": figures.reliability,
            "differences": partial(figures.differences, reference=second, metrics=METRICS),
        },
        train=f"loss={first},{second} seed=0,1,2,3,4,5,6,7,8,9",
        report=f"--losses {first},{second}",
    )


def of_losses(runs: Sequence[TrackedRun], losses: Sequence[str], tracked_as: str) -> list[TrackedRun]:
    """The runs of these losses.

    Raises:
        TooFewRunsError: there are none of one of them.
    """
    found = sorted({setting(run, "loss") for run in runs})
    for loss in losses:
        if loss not in found:
            raise TooFewRunsError(
                f"study {tracked_as!r} has no run of loss {loss!r}; tracked losses: {', '.join(found) or 'none'}; "
                f"name another study with --study, or train: python run.py -m study={tracked_as} "
                f"loss={','.join(losses)} seed=0,1,2,3,4,5,6,7,8,9"
            )
    return [run for run in runs if setting(run, "loss") in losses]


def _grid(runs: Sequence[TrackedRun]) -> dict[str, list]:
    """Every value found of what a comparison may range over."""
    text = {name: sorted({setting(run, name) for run in runs}) for name in TEXT}
    return text | {name: sorted({kind(setting(run, name)) for run in runs}) for name, kind in NUMBERS.items()}


def _claims(first: str, second: str) -> tuple[Claim, ...]:
    pair = {"first": first, "second": second}
    return (
        Claim(f"{first} is more accurate than {second}", "test/accuracy", relation="greater", margin=0.005, **pair),
        Claim(f"{first} has the lower NLL", "test/nll", relation="less", margin=0.01, **pair),
        Claim(f"{first} has the lower Brier score", "test/brier", relation="less", margin=0.005, **pair),
        Claim(f"{first} is better calibrated", "test/ece", relation="less", margin=0.005, **pair),
        Claim(f"{first} converges faster", "epochs_to/0.95", relation="less", margin=1, **pair),
    )
