"""How fast the harness is, and how exact its cross-entropy; the times are of this machine."""

from benchmarks.speed import commands, losses, machine, overheads, roofline, start, sweeps, training

TABLES = {
    # First, while this process is small: a child's peak memory, as the system counts it, begins with its parent's.
    "against_bare": training.against_bare,
    "loss_speed": losses.speed,
    "loss_accuracy": losses.accuracy,
    "overheads": overheads.overheads,
    "roofline": roofline.roofline,
    "answers": commands.answers,
    "start": start.start,
    "sweeps": sweeps.sweeps,
    "machine": machine.machine,
}
