"""Figures that any study of several losses can use: one setting in full, many as small panels."""

from ce_harness.report.output.figures.calibration import reliability
from ce_harness.report.output.figures.curves import gradient_norms, learning_curves, time_to_target
from ce_harness.report.output.figures.differences import differences
from ce_harness.report.output.figures.gradients import gradient_by_probability, layer_heat_map

__all__ = [
    "differences",
    "gradient_by_probability",
    "gradient_norms",
    "layer_heat_map",
    "learning_curves",
    "reliability",
    "time_to_target",
]
