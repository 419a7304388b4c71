"""The config of a run: its typed schema, the checks on it, and the hash that names it.

Light on purpose: `--help` and every refusal of a bad config answer without importing TensorFlow or MLflow.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

import joblib
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from ce_harness.errors import ConfigError
from ce_harness.own_files import content_digest
from ce_harness.rules import RULES, RULES_OF_OUR_PARTS, Rule, is_ours, target_rule


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

_MISSING = object()

GROUPS = ("dataset", "model", "loss", "optimizer")

# Where a run is kept and shown, not what it computes.
NOT_IDENTITY = ("tracking_uri", "mlflow_experiment", "runs_dir", "allow_inexact_resume")

# Their loaders check every file against a SHA-256 in our code, so where the files lie says nothing.
PUBLISHED = tuple(f"ce_harness.datasets.{name}" for name in ("fashion_mnist", "mnist", "cifar10", "cifar100"))

# The modules whose code decides what a training run computes. Reports and tracking are not among them.
TRAINING_CODE = (
    "best_epoch.py",
    "callbacks.py",
    "checkpoint.py",
    "datasets",
    "evaluation.py",
    "gradients.py",
    "losses",
    "metrics.py",
    "models.py",
    "parts.py",
    "runtime.py",
    "schedules.py",
    "training.py",
)


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
    for key in sorted(OmegaConf.missing_keys(config)):
        raise ConfigError(f"{key}: it has no value yet; give it one: {key}=VALUE")
    for group in GROUPS:
        if "_target_" not in config[group]:
            raise ConfigError(f"{group}: it has no _target_; choose an option of the group: {group}=NAME")
        _check_part(group, group, config[group])
    for name, options in config.callbacks.items():
        key = f"callbacks.{name}"
        if not isinstance(options, DictConfig) or "_target_" not in options:
            raise ConfigError(
                f"{key}={options}: it has no _target_; name its class: {key}: {{_target_: keras.callbacks.CSVLogger, "
                "filename: log.csv}"
            )
        _check_part("callbacks", key, options)
    for key, rule in RULES.items():
        _check(config, key, rule)
    for key, rule in RULES_OF_OUR_PARTS.items():
        if is_ours(config[key.partition(".")[0]]["_target_"]):
            _check(config, key, rule)
    _check_together(config)
    if config.threads == "auto":
        config.threads = max(1, joblib.cpu_count() // parallel_jobs)
    return config


def _check_part(group: str, key: str, options: DictConfig) -> None:
    """Checks how a part is to be made; the words that Hydra would take for more than options are refused."""
    for word in options:
        if str(word).startswith("_") and word != "_target_":
            raise ConfigError(f"{key}.{word}: it is a word of Hydra's, not an option of a part; leave it out")
    _check(options, "_target_", target_rule(group), shown=f"{key}._target_")


def _check(config: DictConfig, key: str, rule: Rule, shown: str | None = None) -> None:
    value = OmegaConf.select(config, key, default=_MISSING)
    if value is _MISSING:
        return
    if not rule.accepts(value):
        shown = shown or key
        raise ConfigError(f"{shown}={value}: allowed is {rule.allowed}; for example {shown}={rule.example}")
    if rule.real and value is not None:
        OmegaConf.update(config, key, float(value))


def _check_together(config: DictConfig) -> None:
    if config.warmup_epochs >= config.epochs:
        raise ConfigError(
            f"warmup_epochs={config.warmup_epochs}: allowed is less than epochs={config.epochs}, or the learning rate "
            f"never gets there; for example warmup_epochs={config.epochs // 10}"
        )
    fractions = {key: config.dataset.get(key) for key in ("val_fraction", "test_fraction")}
    if is_ours(config.dataset["_target_"]) and None not in fractions.values() and sum(fractions.values()) >= 1:
        shown = " ".join(f"dataset.{key}={value}" for key, value in fractions.items())
        raise ConfigError(
            f"{shown}: together they leave nothing to train on; allowed is a sum below 1; for example "
            "dataset.val_fraction=0.15 dataset.test_fraction=0.25"
        )


def identity(config: DictConfig) -> dict[str, Any]:
    """The resolved config without what changes no bit of the run."""
    resolved = OmegaConf.to_container(config, resolve=True)
    return {key: value for key, value in resolved.items() if key not in NOT_IDENTITY}


def config_hash(config: DictConfig) -> str:
    """12 hex digits of the SHA-256 of the identity, as JSON with sorted keys.

    In place of ``dataset.path`` stands what lies there: data that change make another run, data that move do not.

    Raises:
        DataError: the path can't be read.
    """
    identified = identity(config)
    path = identified["dataset"].get("path")
    if path is not None:
        pinned = identified["dataset"]["_target_"] in PUBLISHED
        identified["dataset"]["path"] = None if pinned else content_digest(Path(path))
    canonical = json.dumps(identified, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def code_digest(config: DictConfig) -> str:
    """12 hex digits over the source that a run of this config executes: ours, and the user's own ``_target_``s."""
    targets = {part["_target_"] for part in (*(config[group] for group in GROUPS), *config.callbacks.values())}
    own = sorted({target.rpartition(".")[0] for target in targets if not is_ours(target)})
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
            f"_target_: {module}: there is no such Python module; its file lies in the folder of --config-dir, or its "
            "folder on PYTHONPATH"
        ) from error


def option_name(config: DictConfig, group: str) -> str:
    """The ``name`` an option gives itself in its YAML file, else the last part of its ``_target_``."""
    option = config[group]
    return option.get("name") or option["_target_"].rpartition(".")[2]


def run_name(config: DictConfig) -> str:
    """A name for people: ``digits-lenet5-mse-s3``."""
    parts = [option_name(config, group) for group in ("dataset", "model", "loss")]
    return "-".join([*parts, f"s{config.seed}"])
