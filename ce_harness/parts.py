"""The parts that a config names, made: the one place where Hydra's ``instantiate`` is called, one level deep."""

from __future__ import annotations

from typing import Any

import keras
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig

from ce_harness.config import option_name
from ce_harness.datasets import Dataset
from ce_harness.errors import ConfigError, HarnessError
from ce_harness.schedules import learning_rate


def make_dataset(config: DictConfig) -> Dataset:
    return _make(config, "dataset")


def make_network(config: DictConfig, dataset: Dataset) -> keras.Model:
    """A built network from images to logits; its input and output fit the dataset."""
    return _make(config, "model", input_shape=dataset.input_shape, num_classes=dataset.num_classes)


def make_loss(config: DictConfig) -> keras.Loss:
    return _make(config, "loss")


def make_optimizer(config: DictConfig, steps_per_epoch: int) -> keras.Optimizer:
    rate = learning_rate(
        config.learning_rate_schedule,
        config.learning_rate,
        config.epochs * steps_per_epoch,
        config.warmup_epochs * steps_per_epoch,
    )
    clipping = {} if config.clip_norm is None else {"global_clipnorm": config.clip_norm}
    return _make(config, "optimizer", learning_rate=rate, **clipping)


def make_callbacks(config: DictConfig) -> list[keras.callbacks.Callback]:
    """The user's own Keras callbacks, in the order of the config."""
    return [_instantiate(f"callbacks.{name}", options, {}) for name, options in config.callbacks.items()]


def _make(config: DictConfig, group: str, **given: Any) -> Any:
    options = {key: value for key, value in config[group].items() if key != "name"}
    return _instantiate(f"{group}={option_name(config, group)}", options, given)


def _instantiate(what: str, options: dict[str, Any], given: dict[str, Any]) -> Any:
    try:
        return instantiate(dict(options), **given, _convert_="all", _recursive_=False)
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, HarnessError):
            raise cause from None
        if cause is None or isinstance(cause, TypeError | ValueError | ImportError | AttributeError):
            reason = " ".join(str(cause or error).split())
            raise ConfigError(f"{what}: {options['_target_']}: {reason}") from error
        raise
