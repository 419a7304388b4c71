"""Does softmax + cross-entropy beat squared error? Two datasets, three networks, two optimizers, two starts.

Runs:    python report.py mse_vs_ce --missing | sh    (3 seeds at every learning rate; once more: 10 at the chosen ones)
Command: python report.py mse_vs_ce
Planned: 2,205 tuning runs and 900 at the chosen rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ce_harness.report.output.captures_confidence import captures_confidence
from ce_harness.report.output.figures import (
    differences,
    gradient_by_probability,
    gradient_norms,
    layer_heat_map,
    learning_curves,
    reliability,
    time_to_target,
)
from ce_harness.report.output.learning_rates import accuracy_by_rate
from ce_harness.report.output.literature import Finding, literature
from ce_harness.report.output.tables import comparison, equal_error, paired_differences
from ce_harness.report.output.why import why_cross_entropy
from ce_harness.report.study import Claim, Study

# The same grid for every loss, in half decades, wide enough for both starts and for Keras's MSE. Its gradient at a
# uniform prediction of 10 classes is 50 times smaller than cross-entropy's. A network of several layers takes smaller
# steps than softmax regression.
RATES = {
    ("softmax_regression", "sgd"): (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
    ("lenet5", "sgd"): (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
    ("softmax_regression", "adam"): (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    ("lenet5", "adam"): (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
}
RATES |= {("convnet", optimizer): RATES["lenet5", optimizer] for optimizer in ("sgd", "adam")}
NEUTRAL, CONFIDENTLY_WRONG = 0.01, 4.0  # standard deviation of the head's initial weights


def planned(cell: Mapping[str, object]) -> bool:
    """Each network on its grid; convnet, the dearest, on Fashion-MNIST from the neutral start only."""
    if cell["learning_rate"] not in RATES[cell["model"], cell["optimizer"]]:
        return False
    return cell["model"] != "convnet" or (cell["dataset"] == "fashion_mnist" and cell["model.head_stddev"] == NEUTRAL)


CE_AGAINST_MSE = {"first": "softmax_ce", "second": "mse"}

CLAIMS = (
    Claim("Cross-entropy has larger gradients early in training", "early_grad_norm", relation="greater",
          margin=1.25, ratio=True, **CE_AGAINST_MSE),
    Claim("Cross-entropy gives stronger feedback on bad predictions", "feedback", relation="greater",
          margin=1.25, ratio=True, **CE_AGAINST_MSE),
    Claim("Its stronger feedback is not just scale: MSE saturates", "feedback_slope", relation="less", margin=0.25,
          **CE_AGAINST_MSE),
    Claim("Cross-entropy converges faster", "epochs_to/0.8", relation="less", margin=0.5, **CE_AGAINST_MSE),
    Claim("Cross-entropy trains more accurately", "test/accuracy", relation="greater", margin=0.005,
          **CE_AGAINST_MSE),
    Claim("Cross-entropy trains more accurately than Keras's MSE", "test/accuracy", "softmax_ce", "mse_mean",
          relation="greater", margin=0.005),
    Claim("Cross-entropy trains more accurately than MSE on logits", "test/accuracy", "softmax_ce", "mse_logits",
          relation="greater", margin=0.005),
    Claim("Cross-entropy is better calibrated", "test/ece", relation="less", margin=0.005, **CE_AGAINST_MSE),
    Claim("Keras's MSE is MSE at another learning rate", "test/accuracy", "mse", "mse_mean",
          relation="equal", margin=0.005),
    Claim("Our cross-entropy equals TensorFlow's", "test/accuracy", "softmax_ce", "builtin_ce",
          relation="equal", margin=0.005),
)  # fmt: skip

# What was published, and what it would lead us to expect here.
FINDINGS = (
    Finding(
        "Hui & Belkin 2021, arXiv 2006.07322",
        "28 tasks, squared error on logits, rescaled targets",
        "at least as good as cross-entropy in 22; cross-entropy slightly ahead in vision (CIFAR-10: 96.3 and 95.9%)",
        Claim("CE ahead of MSE on logits", "test/accuracy", "softmax_ce", "mse_logits", "greater", margin=0.005),
        {"model.head_stddev": NEUTRAL},
    ),
    Finding(
        "Golik et al. 2013, Interspeech",
        "speech recognition, squared error through softmax",
        "squared error does not reach a good optimum from random weights",
        Claim("CE ahead from a bad start", "test/accuracy", "softmax_ce", "mse", "greater", margin=0.005),
        {"model.head_stddev": CONFIDENTLY_WRONG},
    ),
    Finding(
        "Glorot & Bengio 2010, AISTATS",
        "tanh MLP, quadratic cost",
        "clearly more severe plateaus with the quadratic cost",
        Claim("CE sooner at 80%", "epochs_to/0.8", "softmax_ce", "mse", "less", margin=0.5),
        {"model.head_stddev": CONFIDENTLY_WRONG},
    ),
    Finding(
        "Mukhoti et al. 2020, arXiv 2002.09437",
        "CIFAR-100, ResNet-50, Brier score as loss",
        "ECE 17.5% with cross-entropy, 6.5% with the Brier score",
        Claim("MSE calibrated better", "test/ece", "softmax_ce", "mse", "greater", margin=0.005),
    ),
    Finding(
        "Mukhoti et al. 2020, arXiv 2002.09437",
        "the same after temperature scaling",
        "ECE 3.4 and 3.6%: the gap is gone",
        Claim("equal after scaling", "test/ece_calibrated", "softmax_ce", "mse", "equal", margin=0.005),
    ),
    Finding(
        "Hu et al. 2022, arXiv 2112.03657",
        "CIFAR-10, ResNet-18, 5 seeds",
        "accuracy 95.15 and 95.04%",
        Claim("equal accuracy", "test/accuracy", "softmax_ce", "mse", "equal", margin=0.005),
        {"model.head_stddev": NEUTRAL},
    ),
    Finding(
        "Hu et al. 2022, arXiv 2112.03657",
        "CIFAR-10, ResNet-18, 5 seeds",
        "ECE .028 and .0097",
        Claim("MSE calibrated better", "test/ece", "softmax_ce", "mse", "greater", margin=0.005),
        {"model.head_stddev": NEUTRAL},
    ),
    Finding(
        "closed form",
        "uniform prediction, 10 classes",
        "gradient of cross-entropy on the logits 5 times that of MSE",
        Claim("CE larger early", "early_grad_norm", "softmax_ce", "mse", "greater", margin=1.25, ratio=True),
        {"model.head_stddev": NEUTRAL},
    ),
    Finding(
        "Demirkaya et al. 2020, CISS", "CIFAR-100", "MSE falls behind as the classes grow; both sets here have ten"
    ),
)

STUDY = Study(
    question="Each at its own best learning rate, does softmax + cross-entropy beat MSE?",
    reads={
        "dataset": ["digits", "fashion_mnist"],
        "model": ["softmax_regression", "lenet5", "convnet"],
        "optimizer": ["sgd", "adam"],
        "model.head_stddev": [NEUTRAL, CONFIDENTLY_WRONG],
        "loss": ["softmax_ce", "builtin_ce", "mse", "mse_mean", "mse_logits"],
        "learning_rate": sorted({rate for rates in RATES.values() for rate in rates}),
        "seed": range(3, 13),
    },
    where=planned,
    tuning_seeds=range(3),
    claims=CLAIMS,
    tables={
        "comparison": comparison,
        "paired_differences": partial(paired_differences, reference="softmax_ce"),
        "equal_error": equal_error,
        "captures_confidence": captures_confidence,
        "literature": partial(literature, findings=FINDINGS),
        "why_cross_entropy": partial(why_cross_entropy, study_claims=CLAIMS),
    },
    figures={
        "accuracy_by_rate": accuracy_by_rate,
        "differences": partial(
            differences, reference="softmax_ce", metrics=("test/accuracy", "test/nll", "test/brier", "test/ece")
        ),
        "learning_curves": learning_curves,
        "time_to_target": partial(time_to_target, targets=[0.8]),
        "gradient_norms": gradient_norms,
        "layer_heat_map": layer_heat_map,
        "gradient_by_probability": gradient_by_probability,
        "reliability": reliability,
        "reliability_calibrated": partial(reliability, calibrated=[True]),
    },
)
