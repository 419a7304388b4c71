"""How fast the harness is, and how exact its cross-entropy. Reads no runs; the times are of this machine.

Command: python report.py benchmark
"""

from benchmarks.speed import commands, losses, machine, overheads, roofline, sweeps, training
from ce_harness.report.study import Study

STUDY = Study(
    question="Is our cross-entropy as fast and as exact as TensorFlow's own, and what does a run cost?",
    tables={
        # First, while this process is small: a child's peak memory, as the system counts it, begins with its parent's.
        "against_bare": training.against_bare,
        "loss_speed": losses.speed,
        "loss_accuracy": losses.accuracy,
        "overheads": overheads.overheads,
        "roofline": roofline.roofline,
        "answers": commands.answers,
        "sweeps": sweeps.sweeps,
        "machine": machine.machine,
    },
)
