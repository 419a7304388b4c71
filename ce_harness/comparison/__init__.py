"""Losses compared from Python: trained side by side in processes, reported as data frames and figures."""

from ce_harness.comparison.compare import compare
from ce_harness.comparison.result import Comparison

__all__ = ["Comparison", "compare"]
