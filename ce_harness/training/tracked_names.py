"""Keras's names of an epoch's metrics, and those of a tracked run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ce_harness.errors import ConfigError


def tracked_names(logs: Mapping[str, Any]) -> dict[str, float]:
    """Keras says ``loss`` and ``val_loss``; the tracked run says ``train/loss`` and ``val/loss``.

    Raises:
        ConfigError: a callback put something into the logs that is no number.
    """
    return {
        f"val/{name.removeprefix('val_')}" if name.startswith("val_") else f"train/{name}": _number(name, value)
        for name, value in logs.items()
    }


def _number(name: str, value: Any) -> float:
    try:
        return float(np.asarray(value).reshape(()))
    except (TypeError, ValueError):
        raise ConfigError(
            f"callbacks: the logs of an epoch hold {name}={value!r:.80}; allowed is one number under each name; "
            "put it into a file, or several numbers under several names"
        ) from None
