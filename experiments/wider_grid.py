"""Does the large study's verdict depend on the ends of its grids? Wider ones, wherever a best rate lay at an end.

Runs:    python report.py wider_grid --missing --adding results/mse_vs_ce | sh    (and once more, for the chosen rates)
Command: python report.py wider_grid --adding results/mse_vs_ce

In mse_vs_ce some best learning rates were the smallest or the largest tried. Each of those settings gets three more
rates, in half decades, at that end, for every loss alike. Rates, seeds, claims and rules are otherwise those of
mse_vs_ce, whose runs count. What the averages say holds for these settings alone, since they were picked for their
rates. Softmax regression at ever larger rates comes to learn like a perceptron, which no rate changes. Its curve may
end in a plateau, and the best rate then at any end of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ce_harness.report.output.figures import differences, learning_curves
from ce_harness.report.output.learning_rates import accuracy_by_rate
from ce_harness.report.output.tables import comparison, paired_differences
from ce_harness.report.study import Study

from .mse_vs_ce import CLAIMS, CONFIDENTLY_WRONG, NEUTRAL, RATES
from .mse_vs_ce import STUDY as FIRST

# (dataset, model, optimizer, start) -> the rates beyond the grid of mse_vs_ce.
BEYOND = {
    ("digits", "softmax_regression", "sgd", CONFIDENTLY_WRONG): (300.0, 1000.0, 3000.0),
    ("digits", "softmax_regression", "adam", CONFIDENTLY_WRONG): (3.0, 10.0, 30.0),
    ("digits", "lenet5", "sgd", CONFIDENTLY_WRONG): (0.001, 0.0003, 0.0001),
    ("fashion_mnist", "softmax_regression", "sgd", CONFIDENTLY_WRONG): (300.0, 1000.0, 3000.0),
    ("fashion_mnist", "softmax_regression", "adam", NEUTRAL): (0.0001, 0.00003, 0.00001),
    ("fashion_mnist", "softmax_regression", "adam", CONFIDENTLY_WRONG): (3.0, 10.0, 30.0),
    ("fashion_mnist", "lenet5", "sgd", CONFIDENTLY_WRONG): (0.001, 0.0003, 0.0001),
}


def planned(cell: Mapping[str, object]) -> bool:
    """The settings of ``BEYOND``, at their first rates and at the added ones."""
    beyond = BEYOND.get((cell["dataset"], cell["model"], cell["optimizer"], cell["model.head_stddev"]))
    return beyond is not None and cell["learning_rate"] in (*RATES[cell["model"], cell["optimizer"]], *beyond)


STUDY = Study(
    question="Where a best rate of mse_vs_ce lay at the edge: what does a wider grid change?",
    reads={
        **FIRST.reads,
        "model": ["softmax_regression", "lenet5"],
        "learning_rate": sorted({*FIRST.reads["learning_rate"]}.union(*BEYOND.values())),
    },
    where=planned,
    tuning_seeds=FIRST.tuning_seeds,
    claims=CLAIMS,
    tables={
        "comparison": comparison,
        "paired_differences": partial(paired_differences, reference="softmax_ce"),
    },
    figures={
        "accuracy_by_rate": accuracy_by_rate,
        "differences": partial(
            differences, reference="softmax_ce", metrics=("test/accuracy", "test/nll", "test/brier", "test/ece")
        ),
        "learning_curves": learning_curves,
    },
    train="experiment=mse_vs_ce",
)
