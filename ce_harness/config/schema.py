"""The typed schema at the root of the config. The options of a group are named by their YAML files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

GROUPS = ("dataset", "model", "loss", "optimizer")


@dataclass
class EarlyStopping:
    """Stops when ``metric`` has not improved for ``patience`` epochs; null never does. Names the best epoch too."""

    metric: str = MISSING
    patience: Any = None


@dataclass
class Schema:
    """The root of the config. Groups are open here: their YAML file names their keys."""

    dataset: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    loss: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    study: str = MISSING
    seed: int = MISSING
    epochs: int = MISSING
    batch_size: int = MISSING
    learning_rate: float = MISSING
    learning_rate_schedule: str = MISSING
    warmup_epochs: int = MISSING
    clip_norm: Any = None
    early_stopping: EarlyStopping = field(default_factory=EarlyStopping)
    precision: str = MISSING
    threads: Any = "auto"
    log_every_n_steps: int = MISSING
    tracking_uri: str = MISSING
    mlflow_experiment: str = MISSING
    runs_dir: str = MISSING
    callbacks: dict[str, Any] = field(default_factory=dict)
    save_model: bool = False
    allow_inexact_resume: bool = False


ConfigStore.instance().store(name="schema", node=Schema)
