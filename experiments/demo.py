"""Softmax + cross-entropy, ours and TensorFlow's, against squared error: a first answer in minutes.

Runs:    python run.py -m experiment=demo
Command: python report.py demo
"""

from __future__ import annotations

from functools import partial

from ce_harness.report.output.captures_confidence import captures_confidence
from ce_harness.report.output.classes import confusion, per_class
from ce_harness.report.output.figures import (
    differences,
    gradient_by_probability,
    gradient_norms,
    layer_heat_map,
    learning_curves,
    reliability,
    time_to_target,
)
from ce_harness.report.output.tables import comparison, equal_error, paired_differences
from ce_harness.report.output.why import why_cross_entropy
from ce_harness.report.study import Claim, Study

CE_AGAINST_MSE = {"first": "softmax_ce", "second": "mse"}

CLAIMS = (
    Claim("Cross-entropy has larger gradients early in training", "early_grad_norm", relation="greater",
          margin=1.25, ratio=True, **CE_AGAINST_MSE),
    Claim("Cross-entropy gives stronger feedback on bad predictions", "feedback", relation="greater",
          margin=1.25, ratio=True, **CE_AGAINST_MSE),
    Claim("Its stronger feedback is not just scale: MSE saturates", "feedback_slope", relation="less", margin=0.25,
          **CE_AGAINST_MSE),
    Claim("Cross-entropy converges faster", "epochs_to/0.95", relation="less", margin=1, **CE_AGAINST_MSE),
    Claim("Cross-entropy trains more accurately", "test/accuracy", relation="greater", margin=0.005,
          **CE_AGAINST_MSE),
    Claim("Cross-entropy is better calibrated", "test/ece", relation="less", margin=0.005, **CE_AGAINST_MSE),
    Claim("Our cross-entropy equals TensorFlow's", "test/accuracy", "softmax_ce", "builtin_ce",
          relation="equal", margin=0.005),
)  # fmt: skip

STUDY = Study(
    question="On digits with LeNet-5, does softmax + cross-entropy beat MSE at the same learning rate?",
    reads={
        "dataset": ["digits"],
        "model": ["lenet5"],
        "loss": ["softmax_ce", "builtin_ce", "mse"],
        "seed": range(10),
    },
    control=("softmax_ce", "builtin_ce"),
    claims=CLAIMS,
    tables={
        "comparison": comparison,
        "paired_differences": partial(paired_differences, reference="softmax_ce"),
        "equal_error": equal_error,
        "per_class": per_class,
        "captures_confidence": captures_confidence,
        "why_cross_entropy": partial(why_cross_entropy, study_claims=CLAIMS),
    },
    figures={
        "learning_curves": learning_curves,
        "gradient_norms": gradient_norms,
        "layer_heat_map": layer_heat_map,
        "gradient_by_probability": gradient_by_probability,
        "time_to_target": time_to_target,
        "reliability": reliability,
        "confusion": confusion,
        "differences": partial(
            differences,
            reference="softmax_ce",
            metrics=("test/accuracy", "test/nll", "test/brier", "test/ece"),
        ),
    },
)
