"""What names a run: the hash of its config, the digest of the code it executes, and its name."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ce_harness.config.data_digest import content_digest
from ce_harness.config.schema import GROUPS, is_built_in
from ce_harness.config.targets import source_file
from ce_harness.config.user_modules import own_modules

# Where a run is kept and shown, not what it computes.
NOT_IDENTITY = ("tracking_uri", "mlflow_experiment", "runs_dir", "allow_inexact_resume")

# Their loaders check every file against a SHA-256 in our code, so where the files lie says nothing.
PUBLISHED = tuple(f"ce_harness.datasets.{name}" for name in ("fashion_mnist", "mnist", "cifar10", "cifar100"))

# The code that decides what a run computes. Reports and tracking are not among it.
TRAINING_CODE = ("datasets", "losses", "metrics", "models.py", "training")


def identified(config: DictConfig) -> dict[str, Any]:
    """The resolved config without what changes no bit of the run."""
    resolved = OmegaConf.to_container(config, resolve=True)
    for group in GROUPS:
        resolved[group].pop("label", None)  # how reports call it
    return {key: value for key, value in resolved.items() if key not in NOT_IDENTITY}


def config_hash(config: DictConfig) -> str:
    """12 hex digits of the SHA-256 of the identity, as JSON with sorted keys.

    In place of ``dataset.path`` stands what lies there: data that change make another run, data that move do not.

    Raises:
        DataError: the path can't be read.
    """
    named = identified(config)
    path = named["dataset"].get("path")
    if path is not None:
        pinned = named["dataset"]["_target_"] in PUBLISHED
        named["dataset"]["path"] = None if pinned else content_digest(Path(path))
    canonical = json.dumps(named, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def code_digest(config: DictConfig) -> str:
    """12 hex digits over the source that a run of this config executes: ours, and what ``_target_``s of others import.

    Raises:
        ConfigError: a module is not there, or no Python.
    """
    targets = {part["_target_"] for part in (*(config[group] for group in GROUPS), *config.callbacks.values())}
    modules = {target.rpartition(".")[0] for target in targets if not is_built_in(target)}
    own = sorted({name for module in modules for name in own_modules(module)})
    digests = [_training_code_digest(), *map(_module_digest, own)]
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:12]


# Cached: a file that is edited while a process runs is not the code that the process runs.
@cache
def _training_code_digest() -> str:
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for name in TRAINING_CODE:
        path = package / name
        for source in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(f"{source.relative_to(package)}\0".encode() + source.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def _module_digest(module: str) -> str:
    """Of the file of a user's module, found without running it."""
    return hashlib.sha256(source_file(module).read_bytes()).hexdigest()


def option_name(config: DictConfig, group: str) -> str:
    """The ``name`` an option gives itself in its YAML file, else the last part of its ``_target_``."""
    option = config[group]
    return option.get("name") or option["_target_"].rpartition(".")[2]


def run_name(config: DictConfig) -> str:
    """A name for people: ``digits-lenet5-mse-s3``."""
    parts = [option_name(config, group) for group in ("dataset", "model", "loss")]
    return "-".join([*parts, f"s{config.seed}"])
