"""What every run is scored on, whatever it was trained on. NumPy in, float64 throughout.

Conventions: natural logarithms (nats); Brier summed over classes; calibration error over 15 equal-width bins of the
confidence, which is the largest probability of an example.
"""

from ce_harness.metrics.bins import CONFIDENCE_BINS, P_TRUE_EDGES, confidence_edges
from ce_harness.metrics.calibration import Reliability, ece, ece_debiased, ece_floor, reliability
from ce_harness.metrics.classes import accuracy, balanced_accuracy, confusion_matrix, error, per_class_accuracy
from ce_harness.metrics.probabilities import brier, mse_mean, nll
from ce_harness.metrics.score import METRICS, score
from ce_harness.metrics.temperature import NllParts, at_bound, fit_temperature, split_nll

__all__ = [
    "CONFIDENCE_BINS",
    "METRICS",
    "P_TRUE_EDGES",
    "NllParts",
    "Reliability",
    "accuracy",
    "at_bound",
    "balanced_accuracy",
    "brier",
    "confidence_edges",
    "confusion_matrix",
    "ece",
    "ece_debiased",
    "ece_floor",
    "error",
    "fit_temperature",
    "mse_mean",
    "nll",
    "per_class_accuracy",
    "reliability",
    "score",
    "split_nll",
]
