"""The config of a run: its typed schema, the checks on it, and the hash that names it.

Light on purpose: `--help` and every refusal of a bad config answer without importing TensorFlow or MLflow.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

import joblib
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from ce_harness.errors import ConfigError


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

GROUPS = ("dataset", "model", "loss", "optimizer")

# Where a run is kept and shown, not what it computes.
NOT_IDENTITY = ("tracking_uri", "mlflow_experiment", "runs_dir", "allow_inexact_resume")

# The modules whose code decides what a training run computes. Reports and tracking are not among them.
TRAINING_CODE = (
    "best_epoch.py",
    "callbacks.py",
    "checkpoint.py",
    "datasets",
    "evaluation.py",
    "gradients.py",
)
TRAINING_CODE += (
    "losses",
    "metrics.py",
    "models.py",
    "parts.py",
    "runtime.py",
    "schedules.py",
    "training.py",
)


@dataclass(frozen=True)
class _Rule:
    allowed: str
    example: str
    accepts: Callable[[Any], bool]
    real: bool = False


def _number(low: float, high: float = math.inf, *, example: str, low_included: bool = False) -> _Rule:
    span = f"{'at least' if low_included else 'above'} {low:g}"
    span += f" and below {high:g}" if math.isfinite(high) else ""
    return _Rule(
        f"a finite number {span}",
        example,
        lambda v: (
            isinstance(v, int | float)
            and not isinstance(v, bool)
            and math.isfinite(v)
            and (v > low or (low_included and v == low))
            and v < high
        ),
        real=True,
    )


def _whole(low: int, example: str) -> _Rule:
    return _Rule(
        f"a whole number of at least {low}",
        example,
        lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= low,
    )


def _or(word: str | None, rule: _Rule) -> _Rule:
    shown = "null" if word is None else word
    return _Rule(f"{rule.allowed}, or {shown}", shown, lambda v: v == word or rule.accepts(v), rule.real)


def _one_of(*words: str) -> _Rule:
    return _Rule(f"one of {', '.join(words)}", words[0], lambda v: v in words)


_FRACTION = _number(0, 1, example="0.2")
_DECAY = _number(0, 1, low_included=True, example="0.9")
_RULES = {
    "seed": _whole(0, "0"),
    "epochs": _whole(1, "30"),
    "batch_size": _whole(1, "64"),
    "learning_rate": _number(0, example="0.05"),
    "learning_rate_schedule": _one_of("constant", "cosine", "step"),
    "warmup_epochs": _whole(0, "1"),
    "clip_norm": _or(None, _number(0, example="1.0")),
    "early_stopping.metric": _one_of("val/loss", "val/accuracy", "val/nll", "val/brier"),
    "early_stopping.patience": _or(None, _whole(1, "5")),
    "precision": _one_of("float32", "mixed_bfloat16"),
    "log_every_n_steps": _whole(1, "50"),
    "threads": _or("auto", _whole(1, "1")),
    "dataset.split_seed": _whole(0, "0"),
    "dataset.val_fraction": _FRACTION,
    "dataset.test_fraction": _FRACTION,
    "dataset.limit": _or(None, _whole(1, "1000")),
    "model.dropout": _number(0, 1, low_included=True, example="0.5"),
    "model.head_stddev": _or(None, _number(0, example="0.01")),
    "loss.label_smoothing": _number(0, 1, low_included=True, example="0.1"),
    "loss.true_class_weight": _number(0, example="1"),
    "loss.target_scale": _number(0, example="1"),
    "loss.gamma": _number(0, low_included=True, example="2"),
    "optimizer.momentum": _DECAY,
    "optimizer.weight_decay": _or(None, _number(0, low_included=True, example="0.004")),
    "optimizer.beta_1": _DECAY,
    "optimizer.beta_2": _DECAY,
    "optimizer.epsilon": _number(0, example="1e-7"),
}
_MISSING = object()


def checked(config: DictConfig, parallel_jobs: int = 1) -> DictConfig:
    """A copy of the config in which nothing is left open, or a refusal.

    Real numbers become floats (0 and 0.0 are one config, and Keras refuses an int for a float), ``threads: auto``
    becomes the cores over the parallel jobs (bits depend on it).

    Raises:
        ConfigError: names the key, the value, what is allowed and an example.
    """
    config = config.copy()
    known = {f.name for f in fields(Schema)}
    for key in config:
        if key not in known:
            raise ConfigError(f"{key}={config[key]!r}: there is no such key; the keys are {', '.join(sorted(known))}")
    for group in GROUPS:
        if "_target_" not in config[group]:
            raise ConfigError(f"{group}: it has no _target_; choose an option of the group: {group}=NAME")
    for key, rule in _RULES.items():
        value = OmegaConf.select(config, key, default=_MISSING)
        if value is _MISSING:
            continue
        if not rule.accepts(value):
            raise ConfigError(f"{key}={value}: allowed is {rule.allowed}; for example {key}={rule.example}")
        if rule.real and value is not None:
            OmegaConf.update(config, key, float(value))
    if config.threads == "auto":
        config.threads = max(1, joblib.cpu_count() // parallel_jobs)
    return config


def identity(config: DictConfig) -> dict[str, Any]:
    """The resolved config without what changes no bit of the run."""
    resolved = OmegaConf.to_container(config, resolve=True)
    return {key: value for key, value in resolved.items() if key not in NOT_IDENTITY}


def config_hash(config: DictConfig) -> str:
    """12 hex digits of the SHA-256 of the identity, as JSON with sorted keys."""
    canonical = json.dumps(identity(config), sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def code_digest(config: DictConfig) -> str:
    """12 hex digits over the source that a run of this config executes: ours, and the user's own ``_target_``s."""
    modules = {config[group]["_target_"].rpartition(".")[0] for group in GROUPS}
    own = sorted(module for module in modules if module.split(".")[0] not in ("ce_harness", "keras"))
    digests = [_training_code_digest(), *map(_module_digest, own)]
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:12]


# Cached: a file that is edited while a process runs is not the code that the process runs.
@cache
def _training_code_digest() -> str:
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for name in TRAINING_CODE:
        path = package / name
        for source in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(f"{source.relative_to(package)}\0".encode() + source.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def _module_digest(module: str) -> str:
    """Of the file of a user's module, found without running it."""
    try:
        spec = importlib.util.find_spec(module)
        return hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()
    except (ImportError, AttributeError, OSError, TypeError, ValueError) as error:
        raise ConfigError(
            f"_target_: {module}: there is no such Python module; is its folder on PYTHONPATH?"
        ) from error


def option_name(config: DictConfig, group: str) -> str:
    """The ``name`` an option gives itself in its YAML file, else the last part of its ``_target_``."""
    option = config[group]
    return option.get("name") or option["_target_"].rpartition(".")[2]


def run_name(config: DictConfig) -> str:
    """A name for people: ``digits-lenet5-mse-s3``."""
    parts = [option_name(config, group) for group in ("dataset", "model", "loss")]
    return "-".join([*parts, f"s{config.seed}"])
