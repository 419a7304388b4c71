"""Softmax + cross-entropy, ours and TensorFlow's, against squared error: a first answer in minutes.

Runs:    python run.py -m experiment=demo
Command: python report.py demo
"""

from __future__ import annotations

from functools import partial

from ce_harness.report.figures import gradient_norms, learning_curves
from ce_harness.report.study import Study
from ce_harness.report.tables import comparison, paired_differences

STUDY = Study(
    question="On digits with LeNet-5, does softmax + cross-entropy train better than MSE at the same learning rate?",
    reads={
        "dataset": ["digits"],
        "model": ["lenet5"],
        "loss": ["softmax_ce", "builtin_ce", "mse"],
        "seed": range(5),
    },
    tables={
        "comparison": comparison,
        "paired_differences": partial(paired_differences, reference="softmax_ce"),
    },
    figures={"learning_curves": learning_curves, "gradient_norms": gradient_norms},
)
