"""Losses on logits: softmax cross-entropy, the squared errors it is compared with, and two alternatives."""

from ce_harness.losses.alternatives import Focal, Squentropy
from ce_harness.losses.cross_entropy import SoftmaxCrossEntropy, softmax_cross_entropy
from ce_harness.losses.layer import SoftmaxCrossEntropyLayer
from ce_harness.losses.squared_error import LogitSquaredError, SoftmaxSquaredError

__all__ = [
    "Focal",
    "LogitSquaredError",
    "SoftmaxCrossEntropy",
    "SoftmaxCrossEntropyLayer",
    "SoftmaxSquaredError",
    "Squentropy",
    "softmax_cross_entropy",
]
