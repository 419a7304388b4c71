"""What names a run: the hash of its config, the digest of the code it executes, and its name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from ce_harness.config import sources
from ce_harness.config.data_digest import content_digest
from ce_harness.config.modules import modules_behind, modules_of_the_loop
from ce_harness.config.schema import GROUPS, LONGEST_NAME, PARTS_BY_NAME
from ce_harness.config.targets import is_built_in
from ce_harness.errors import ConfigError

# Where a run is kept and shown and what is kept of it, not what it computes.
NOT_IDENTITY = (
    "allow_inexact_resume",
    "device",
    "keep_checkpoint",
    "log_every_n_steps",
    "mlflow_experiment",
    "runs_dir",
    "save_model",
    "save_predictions",
    "skip_tracked",
    "tracking_uri",
)

# What a run's name tells without the words that were typed, or need not tell.
UNNAMED = {*NOT_IDENTITY, "dataset", "model", "loss", "seed", "study", "experiment", "threads", "dataset.path"} | {
    f"{group}.{key}" for group in GROUPS for key in ("name", "label", "cache", "verify")
}

# Likewise of a data set: decoded images, and whether to read files that seem not to have changed.
KEPT_WHERE = ("cache", "verify")

# Their loaders check every file against a SHA-256 in our code, so where the files lie says nothing.
PUBLISHED = tuple(f"ce_harness.datasets.{name}" for name in ("fashion_mnist", "mnist", "cifar10", "cifar100"))


def identified(config: DictConfig) -> dict[str, Any]:
    """The resolved config without what changes no bit of the run."""
    resolved = cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))
    for group in GROUPS:
        resolved[group].pop("label", None)  # how reports call it
    if is_built_in(resolved["dataset"]["_target_"]):
        for key in KEPT_WHERE:
            resolved["dataset"].pop(key, None)
    return {key: value for key, value in resolved.items() if key not in NOT_IDENTITY}


def config_hash(config: DictConfig) -> str:
    """12 hex digits that name what a run computes; see `identity`."""
    return hash_of(identity(config))


def identity(config: DictConfig) -> dict[str, Any]:
    """What two configs share if they are the same run.

    What lies at ``dataset.path`` stands in its place: data that change make another run, data that move do not. Weights
    to begin with may move, too, if their digest is given.

    Raises:
        DataError: the path can't be read.
    """
    named = identified(config)
    path = named["dataset"].get("path")
    if path is not None:
        pinned = named["dataset"]["_target_"] in PUBLISHED
        named["dataset"]["path"] = None if pinned else _data_digest(config.dataset)
    if named["model"].get("weights_sha256"):
        named["model"]["weights"] = None
    return named


def hash_of(identity: Mapping[str, Any]) -> str:
    """12 hex digits of the SHA-256 of an identity, as JSON with sorted keys.

    Raises:
        ConfigError: a key or value that JSON does not have.
    """
    try:
        canonical = json.dumps(identity, sort_keys=True)
    except TypeError as error:
        raise ConfigError(f"the config holds more than text, numbers, lists and mappings of words ({error})") from error
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _data_digest(dataset: DictConfig) -> str:
    cache = dataset.get("cache") if is_built_in(dataset["_target_"]) else None
    verify = cache is not None and dataset.get("verify", False)
    return content_digest(Path(dataset.path), cache=None if cache is None else Path(cache), verify=verify)


def code_digest(config: DictConfig) -> str:
    """12 hex digits over all the code that a run of this config executes.

    Raises:
        ConfigError: a module is not there, or no Python.
    """
    return hashlib.sha256(json.dumps(code_digests(config)).encode()).hexdigest()[:12]


def code_digests(config: DictConfig) -> dict[str, str]:
    """The same of each part alone: 12 hex digits by the name of the tag.

    ``harness_digest`` is of the training loop and what it imports, ``loss_code`` and so on of the modules behind a
    ``_target_``. Keras's code is told by its version, which the fingerprint has.

    Raises:
        ConfigError: a module is not there, or no Python.
    """
    digests = {"harness_digest": sources.digest(modules_of_the_loop())}
    digests |= {f"{group}_code": sources.digest(modules_behind(config[group]["_target_"])) for group in GROUPS}
    for several in PARTS_BY_NAME:
        behind = [modules_behind(part["_target_"]) for part in config.get(several, {}).values()]
        if behind:
            digests[f"{several}_code"] = sources.digest(frozenset().union(*behind))
    schedule = config.get("learning_rate_schedule")
    if isinstance(schedule, DictConfig):
        digests["learning_rate_schedule_code"] = sources.digest(modules_behind(schedule["_target_"]))
    return digests


def option_name(config: Mapping[str, Any] | DictConfig, group: str) -> str:
    """The ``name`` an option gives itself in its YAML file, else the last part of its ``_target_``."""
    option = config[group]
    return str(option.get("name") or option["_target_"].rpartition(".")[2])


def run_name(config: Mapping[str, Any] | DictConfig, overrides: Iterable[str] = ()) -> str:
    """A name for people: ``digits-lenet5-mse-s3``, then what else was typed: ``digits-lenet5-mse-s3 epochs=5``.

    Args:
        overrides: as typed. Those that the name tells anyway, or that change nothing of the run, are left out.
    """
    parts = [option_name(config, group) for group in ("dataset", "model", "loss")]
    words = [override.lstrip("+") for override in overrides]
    told = [word for word in words if word.partition("=")[0] not in UNNAMED]
    return " ".join(["-".join([*parts, f"s{config['seed']}"]), *told])[:LONGEST_NAME]
