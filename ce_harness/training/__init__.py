"""Training one network: `train_and_evaluate`, the way there and what it measures."""

from ce_harness.training.loop import train_and_evaluate

__all__ = ["train_and_evaluate"]
