"""How fast the harness is, and how exact its cross-entropy. Reads no runs; the times are of this machine.

Command: python report.py benchmark
"""

from ce_harness.report.study import Study
from experiments.benchmark import losses, roofline, training

STUDY = Study(
    question="Is our cross-entropy as fast and as exact as TensorFlow's own, and what does a run cost?",
    tables={
        "loss_speed": losses.speed,
        "loss_accuracy": losses.accuracy,
        "against_bare": training.against_bare,
        "overheads": training.overheads,
        "roofline": roofline.roofline,
    },
)
