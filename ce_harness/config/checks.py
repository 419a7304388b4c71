"""The checks on a config: what is left open is settled, what can't be run is refused in one line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

import joblib
from omegaconf import DictConfig, OmegaConf

from ce_harness.config.schema import (
    GIVEN,
    GROUPS,
    KEYS,
    KEYS_OF_BUILT_IN_PARTS,
    KEYS_OF_PARTS,
    PARTS_BY_NAME,
    Rule,
)
from ce_harness.config.targets import check_target, is_built_in
from ce_harness.errors import ConfigError
from ce_harness.places import run_command


def checked(config: DictConfig, cores: int | None = None) -> DictConfig:
    """A copy of the config in which nothing is left open, or a refusal.

    Every ``${key}`` becomes its value: to look one up takes OmegaConf .4 ms each time, and 10,000 are planned at once.
    Real numbers become floats: 0 and 0.0 are one config, and Keras refuses an int for a float. ``threads: auto``
    becomes the cores that the run has, by default all of this machine, since bits depend on it.

    Raises:
        ConfigError: names the key, the value, what is allowed and an example.
    """
    config = config.copy()
    _check_names(config)
    OmegaConf.resolve(config)
    values = flat(OmegaConf.to_container(config))  # to look up a value in the config takes long
    for key in sorted(key for key, value in values.items() if value == "???"):
        raise ConfigError(f"{key}: it has no value yet; give it one: {key}=VALUE")
    for group in GROUPS:
        if "_target_" not in config[group]:
            raise ConfigError(f"{group}: it has no _target_; choose an option of the group: {group}=NAME")
        _check_part(group, group, config[group])
    for several in PARTS_BY_NAME:
        for name, options in config[several].items():
            key = f"{several}.{name}"
            if not re.fullmatch(r"\w[\w-]*", str(name)):
                raise ConfigError(f"{key}: allowed is a name of letters, digits, - and _; for example {several}.mine")
            if not isinstance(options, DictConfig) or "_target_" not in options:
                raise ConfigError(
                    f"{key}={options}: it has no _target_; name its class: {key}={{_target_: MODULE.CLASS}}"
                )
            _check_part(several, key, options)
    for key, rule in rules_of(values).items():
        if key in values and (value := accepted(rule, key, values[key])) is not values[key]:
            OmegaConf.update(config, key, value)
    if isinstance(config.learning_rate_schedule, DictConfig):
        _check_part("learning_rate_schedule", "learning_rate_schedule", config.learning_rate_schedule)
    if isinstance(config.class_weight, DictConfig):  # YAML and Hydra read the name of a class "0" as a number
        config.class_weight = {str(name): float(weight) for name, weight in config.class_weight.items()}
    check_together(config)
    if config.threads == "auto":
        config.threads = cores or joblib.cpu_count()
    return config


def _check_names(config: DictConfig) -> None:
    """Checks that the keys are all there, and no others."""
    parents = {key.partition(".")[0] for key in KEYS if "." in key} | {*PARTS_BY_NAME, *GROUPS}
    known = sorted({key.partition(".")[0] for key in KEYS} | parents)
    held = cast(dict[str, Any], OmegaConf.to_container(config))  # a value that is ??? can't be looked up in the config
    for key, value in held.items():
        if key not in known:
            raise ConfigError(f"{key}={value!r}: there is no such key; the keys are {', '.join(known)}")
    for key in known:
        if key not in held:
            raise ConfigError(f"{key}: the config lacks it; begin its defaults list with those of ours: - config")
        if key in parents and not isinstance(held[key], dict):
            raise ConfigError(f"{key}={held[key]}: allowed is a group of keys; `{run_command()} --cfg job` shows it")


def _check_part(group: str, key: str, options: DictConfig) -> None:
    """Checks how a part is to be made, and refuses words that are no options of it: Hydra's, and what the run gives."""
    given = GIVEN.get(group, {})
    for word in map(str, options):
        if word in given:
            raise ConfigError(f"{key}.{word}: the run gives it; leave it out and set {given[word]}=VALUE")
        if word.startswith("_") and word != "_target_":
            raise ConfigError(f"{key}.{word}: it is a word of Hydra's, not an option of a part; leave it out")
    check_target(group, f"{key}._target_", options["_target_"])


def rules_of(values: Mapping[str, Any]) -> dict[str, Rule]:
    """The rules that hold in a config, given as `flat` returns it: a part of the user's own has none of ours."""
    built_in = {group for group in GROUPS if is_built_in(values[f"{group}._target_"])}
    of_built_in = {key: rule for key, rule in KEYS_OF_BUILT_IN_PARTS.items() if key.partition(".")[0] in built_in}
    return KEYS | KEYS_OF_PARTS | of_built_in


def accepted(rule: Rule, key: str, value: Any) -> Any:
    """The value as its rule would have it: 0 as 0.0, 5 as "5".

    Raises:
        ConfigError: the rule does not allow it.
    """
    if not rule.accepts(value):
        raise ConfigError(rule.refusal(key, _typed(value)))
    return rule.kind(value) if rule.kind and value is not None and not isinstance(value, rule.kind) else value


def flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """Every value of a config, groups included, by its full key: ``early_stopping.metric``."""
    by_key = {}
    for name, value in values.items():
        by_key[f"{prefix}{name}"] = value
        if isinstance(value, dict):
            by_key |= flat(value, f"{prefix}{name}.")
    return by_key


def _typed(value: Any) -> str:
    """A value as it is typed."""
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def check_together(config: Mapping[str, Any] | DictConfig) -> None:
    """Checks what no key says alone.

    Raises:
        ConfigError: the warm-up never ends, or no example is left to train on.
    """
    warmup, epochs, dataset = config["warmup_epochs"], config["epochs"], config["dataset"]
    if warmup >= epochs:
        raise ConfigError(
            f"warmup_epochs={warmup}: allowed is less than epochs={epochs}, or the learning rate never gets there; "
            f"for example warmup_epochs={epochs // 10}"
        )
    fractions = {key: dataset.get(key) for key in ("val_fraction", "test_fraction")}
    if is_built_in(dataset["_target_"]) and None not in fractions.values() and sum(fractions.values()) >= 1:
        shown = " ".join(f"dataset.{key}={value}" for key, value in fractions.items())
        raise ConfigError(
            f"{shown}: together they leave nothing to train on; allowed is a sum below 1; for example "
            "dataset.val_fraction=0.15 dataset.test_fraction=0.25"
        )
