"""Does softmax + cross-entropy beat squared error? Two datasets, three networks, two optimizers, two starts.

Runs:    python run.py -m experiment=mse_vs_ce    (the tuning runs; see conf/experiment/mse_vs_ce.yaml)
         python report.py mse_vs_ce --missing | sh    (then the runs at the rates they chose)
Command: python report.py mse_vs_ce
"""

from __future__ import annotations

from functools import partial

from ce_harness.report.confidence import captures_confidence
from ce_harness.report.figures import (
    differences,
    gradient_by_probability,
    gradient_norms,
    layer_heat_map,
    learning_curves,
    reliability,
    time_to_target,
)
from ce_harness.report.rates import accuracy_by_rate
from ce_harness.report.study import Claim, Study
from ce_harness.report.tables import comparison, equal_error, paired_differences
from ce_harness.report.why import why_cross_entropy

CE_AGAINST_MSE = {"first": "softmax_ce", "second": "mse"}

CLAIMS = (
    Claim("Cross-entropy has larger gradients early in training", "early_grad_norm", relation="greater",
          margin=1.25, ratio=True, **CE_AGAINST_MSE),
    Claim("Cross-entropy gives stronger feedback on bad predictions", "feedback", relation="greater",
          margin=1.25, ratio=True, **CE_AGAINST_MSE),
    Claim("Its stronger feedback is not just scale: MSE saturates", "feedback_relative", relation="greater",
          margin=1.25, ratio=True, **CE_AGAINST_MSE),
    Claim("Cross-entropy converges faster", "epochs_to/0.9", relation="less", margin=0.5, **CE_AGAINST_MSE),
    Claim("Cross-entropy trains more accurately", "test/accuracy", relation="greater", margin=0.005,
          **CE_AGAINST_MSE),
    Claim("Cross-entropy trains more accurately than Keras's MSE", "test/accuracy", "softmax_ce", "mse_mean",
          relation="greater", margin=0.005),
    Claim("Cross-entropy trains more accurately than MSE on logits", "test/accuracy", "softmax_ce", "mse_logits",
          relation="greater", margin=0.005),
    Claim("Cross-entropy is better calibrated", "test/ece", relation="less", margin=0.005, **CE_AGAINST_MSE),
    Claim("Our cross-entropy layer equals TensorFlow's", "test/accuracy", "softmax_ce", "builtin_ce",
          relation="equal", margin=0.005),
)  # fmt: skip

STUDY = Study(
    question="Each at its own best learning rate, does softmax + cross-entropy beat MSE?",
    reads={
        "dataset": ["digits", "fashion_mnist"],
        "model": ["softmax_regression", "lenet5", "convnet"],
        "optimizer": ["sgd", "adam"],
        "model.head_stddev": [0.01, 4.0],
        "loss": ["softmax_ce", "builtin_ce", "mse", "mse_mean", "mse_logits"],
        "learning_rate": [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3],
        "seed": range(3, 13),
    },
    tuning_seeds=range(3),
    claims=CLAIMS,
    tables={
        "comparison": comparison,
        "paired_differences": partial(paired_differences, reference="softmax_ce"),
        "equal_error": equal_error,
        "captures_confidence": captures_confidence,
        "why_cross_entropy": partial(why_cross_entropy, study_claims=CLAIMS),
    },
    figures={
        "accuracy_by_rate": accuracy_by_rate,
        "differences": partial(
            differences, reference="softmax_ce", metrics=("test/accuracy", "test/nll", "test/brier", "test/ece")
        ),
        "learning_curves": learning_curves,
        "time_to_target": partial(time_to_target, targets=[0.9]),
        "gradient_norms": gradient_norms,
        "layer_heat_map": layer_heat_map,
        "gradient_by_probability": gradient_by_probability,
        "reliability": reliability,
        "reliability_calibrated": partial(reliability, calibrated=[True]),
    },
)
