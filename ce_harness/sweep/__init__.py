"""Sweeps: planned without TensorFlow, run in parallel by any Hydra launcher, each cell on its own, told at the end."""

from ce_harness.sweep.cell import run_cell
from ce_harness.sweep.launch import run_sweep

__all__ = ["run_cell", "run_sweep"]
