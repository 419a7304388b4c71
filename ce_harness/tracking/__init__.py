"""MLflow, and nothing else in the project imports it: sending runs to a store, and reading them back."""

from ce_harness.tracking.feed import Feed
from ce_harness.tracking.reading import TrackedRun, read_runs
from ce_harness.tracking.sweeps import attach_report

__all__ = ["Feed", "TrackedRun", "attach_report", "read_runs"]
