"""With the constant scale of the gradients taken out, is there still a difference between cross-entropy and MSE?

Runs:    python report.py equal_scale --missing | sh
Command: python report.py equal_scale
Planned: 480 runs.

At a uniform prediction over 10 classes the gradient of cross-entropy on the logits is 5 times that of MSE. So MSE is
trained at 5 times the rate of cross-entropy, with SGD: what then sets the two apart is not scale. The grids of
mse_vs_ce, in half decades, hold no such pair. `verdicts_at_equal_gradient_scale` is the answer, at every rate; the
verdicts at each loss's best rate choose it on the very runs that they compare.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ce_harness.report.output.figures import gradient_norms, learning_curves
from ce_harness.report.output.tables import comparison, paired_differences
from ce_harness.report.study import Claim, Study

# A decade around the learning rates in common use with momentum.
RATES = {"softmax_ce": (0.01, 0.03, 0.1), "mse": (0.05, 0.15, 0.5)}
NEUTRAL, CONFIDENTLY_WRONG = 0.01, 4.0  # standard deviation of the head's initial weights

CE_AGAINST_MSE = {"first": "softmax_ce", "second": "mse"}


def planned(cell: Mapping[str, object]) -> bool:
    """Each loss at its own rates."""
    return cell["learning_rate"] in RATES[cell["loss"]]


STUDY = Study(
    question="At equal gradient scale, does softmax + cross-entropy still beat MSE?",
    reads={
        "dataset": ["digits", "fashion_mnist"],
        "model": ["softmax_regression", "lenet5"],
        "optimizer": ["sgd"],
        "model.head_stddev": [NEUTRAL, CONFIDENTLY_WRONG],
        "loss": list(RATES),
        "learning_rate": sorted(rate for rates in RATES.values() for rate in rates),
        "seed": range(10),
    },
    where=planned,
    claims=(
        Claim("Cross-entropy converges faster", "epochs_to/0.8", relation="less", margin=0.5, **CE_AGAINST_MSE),
        Claim("Cross-entropy trains more accurately", "test/accuracy", relation="greater", margin=0.005,
              **CE_AGAINST_MSE),
        Claim("Cross-entropy is better calibrated", "test/ece", relation="less", margin=0.005, **CE_AGAINST_MSE),
    ),
    tables={
        "comparison": comparison,
        "paired_differences": partial(paired_differences, reference="softmax_ce"),
    },
    figures={"learning_curves": learning_curves, "gradient_norms": gradient_norms},
    train="experiment=mse_vs_ce",
)  # fmt: skip
