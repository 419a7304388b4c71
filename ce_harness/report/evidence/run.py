"""What a report asks of a run, wherever it is kept."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Protocol

GROUPS = ("dataset", "model", "loss", "optimizer")


class Run(Protocol):
    """A run and its artifacts, as ``tracking.reading`` returns them."""

    @property
    def name(self) -> str: ...

    @property
    def run_id(self) -> str: ...

    @property
    def status(self) -> str:
        """``complete``, ``diverged``, ``failed`` or ``running``."""

    @property
    def start_time(self) -> int:
        """Milliseconds since 1970."""

    @property
    def tags(self) -> Mapping[str, str]: ...

    @property
    def params(self) -> Mapping[str, str]:
        """The flat config."""

    @property
    def metrics(self) -> Mapping[str, float]:
        """The last values."""

    def content(self, name: str, /) -> bytes:
        """An artifact; ``FileNotFoundError`` if the run did not keep it, else ``OSError`` if it can't be read."""


def value(run: Run, key: str) -> str:
    """What a run was trained with: the value of a tag or parameter, as text; "" of a key that it does not have."""
    return run.tags[key] if key in run.tags else run.params.get(key, "")


def final_metrics(run: Run) -> dict[str, float]:
    """Last values; MLflow's SQL store keeps infinity as the largest float."""
    return {key: math.inf if one >= sys.float_info.max else one for key, one in sorted(run.metrics.items())}


def scores(run: Run) -> dict[str, float]:
    """Final scores on the test set, and on validation those of the epoch whose weights the test set was scored with."""
    metrics = final_metrics(run)
    if "best/epoch" in metrics and metrics.get("test/epoch") == metrics["best/epoch"]:
        metrics |= {key.removeprefix("best/"): one for key, one in metrics.items() if key.startswith("best/val/")}
    return {key: one for key, one in metrics.items() if key.startswith(("test/", "val/"))}


def tuning_scores(run: Run) -> dict[str, float]:
    """What learning rates are chosen by: final scores on validation, none of a diverged run, and the classes."""
    ended = scores(run) if run.status == "complete" else {}
    on_validation = {key: one for key, one in ended.items() if key.startswith("val/")}
    return {"num_classes": float(run.tags.get("num_classes") or "nan"), "val/accuracy": math.nan} | on_validation
