"""MLflow, and nothing else in the project imports it: sending runs to a store, and reading them back."""

from ce_harness.tracking.feed import Feed
from ce_harness.tracking.reading import TrackedRun, read_runs

__all__ = ["Feed", "TrackedRun", "read_runs"]
