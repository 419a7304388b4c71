"""Does MSE fall behind cross-entropy as the classes grow? The same images, in 2 to 100 classes.

Runs:    python report.py number_of_classes --missing | sh    (5 seeds at every rate; once more: 10 at the chosen ones)
Command: python report.py number_of_classes
Planned: 600 tuning runs and 240 at the chosen rates. About 2 hours on 2 cores.

Two handwritten digits side by side are a number below 100. Numbers are grouped into K classes, so that K alone changes.
Demirkaya et al. 2020 (CISS) find that MSE falls behind as K grows, and that a larger weight of the true class mends it.
Hui & Belkin 2021 (arXiv 2006.07322) rescale the targets for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ce_harness.report.output.figures import differences, learning_curves
from ce_harness.report.output.learning_rates import accuracy_by_rate
from ce_harness.report.output.tables import comparison, paired_differences
from ce_harness.report.study import Claim, Study

CLASSES = [2, 5, 10, 100]
# Half decades, as many for every loss. Those of mse grow with K / 2, as its gradient at a uniform prediction shrinks.
AROUND_CE = (0.01, 0.03, 0.1, 0.3, 1.0)
RATES_OF_CE = dict.fromkeys(CLASSES, AROUND_CE)
RATES_OF_MSE = {k: tuple(float(f"{rate * k / 2:.3g}") for rate in AROUND_CE) for k in CLASSES}
RATES = {
    "softmax_ce": RATES_OF_CE,
    "builtin_ce": RATES_OF_CE,
    "mse": RATES_OF_MSE,
    "mse_logits": RATES_OF_CE,
    "mse_logits_rescaled": dict.fromkeys(CLASSES, (0.0003, 0.001, 0.003, 0.01, 0.03)),
    "squentropy": RATES_OF_CE,
}

CLAIMS = (
    Claim("Cross-entropy is more accurate than MSE", "test/accuracy", "softmax_ce", "mse", relation="greater",
          margin=0.005),
    Claim("Cross-entropy is more accurate than MSE on logits", "test/accuracy", "softmax_ce", "mse_logits",
          relation="greater", margin=0.005),
    Claim("Rescaling makes MSE on logits more accurate", "test/accuracy", "mse_logits_rescaled", "mse_logits",
          relation="greater", margin=0.005),
    Claim("Cross-entropy is more accurate than squentropy", "test/accuracy", "softmax_ce", "squentropy",
          relation="greater", margin=0.005),
    Claim("Our cross-entropy equals TensorFlow's", "test/accuracy", "softmax_ce", "builtin_ce", relation="equal",
          margin=0.005),
)  # fmt: skip


def planned(cell: Mapping[str, object]) -> bool:
    """Each loss at its own rates for so many classes."""
    return cell["learning_rate"] in RATES[str(cell["loss"])][int(str(cell["dataset.num_classes"]))]


STUDY = Study(
    question="With more classes, does softmax + cross-entropy pull ahead of MSE?",
    reads={
        "dataset": ["digit_strings"],
        "model": ["lenet5"],
        "optimizer": ["sgd"],
        "dataset.num_classes": CLASSES,
        "loss": list(RATES),
        "learning_rate": sorted({rate for rates in RATES.values() for some in rates.values() for rate in some}),
        "seed": range(5, 15),
    },
    where=planned,
    tuning_seeds=range(5),
    control=("softmax_ce", "builtin_ce"),
    apart="dataset.num_classes",
    claims=CLAIMS,
    tables={"comparison": comparison, "paired_differences": partial(paired_differences, reference="softmax_ce")},
    figures={
        "accuracy_by_rate": accuracy_by_rate,
        "differences": partial(differences, reference="softmax_ce", metrics=("test/accuracy", "test/nll_calibrated")),
        "learning_curves": learning_curves,
    },
)
