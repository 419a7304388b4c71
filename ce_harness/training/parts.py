"""The parts that a config names, made: the one place where Hydra's ``instantiate`` is called, one level deep."""

from __future__ import annotations

import re
import warnings
from typing import Any

import keras
import numpy as np
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig

from ce_harness.config import option_name
from ce_harness.datasets import Dataset
from ce_harness.errors import ConfigError, HarnessError
from ce_harness.training.logits import refuse_loss_of_probabilities
from ce_harness.training.schedules import learning_rate

NOT_BUILT = (ConfigError, ValueError, TypeError, AttributeError, NotImplementedError)
LARGE = 128  # pixels: a network that can't be built for fewer, and can for these, is too deep


def make_dataset(config: DictConfig) -> Dataset:
    """The data set; there are at least as many training examples as go into a batch."""
    dataset = _make(config, "dataset", Dataset)
    if config.batch_size > len(dataset.train):
        raise ConfigError(
            f"batch_size={config.batch_size}: allowed is at most {len(dataset.train)}, the number of training "
            f"examples; for example batch_size={min(len(dataset.train), 64)}"
        )
    return dataset


def make_network(config: DictConfig, dataset: Dataset) -> keras.Model:
    """A built network from images to logits; its input and output fit the dataset."""
    shape, num_classes = dataset.input_shape, dataset.num_classes
    name, size = f"model={option_name(config, 'model')}", "x".join(map(str, shape))
    try:
        network, output = _built(config, shape, num_classes)
    except NOT_BUILT as error:
        if _is_built_for_larger_images(config, shape, num_classes):
            raise ConfigError(
                f"{name}: too deep for images of {size}: its layers leave no pixel of them; take larger images or "
                "another model; softmax_regression, mlp and resnet20 take every size"
            ) from error
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{name}: can't be built for images of {size}: {_reason(error)}") from error
    if output != (None, num_classes):
        raise ConfigError(f"{name}: its output has the shape {output}; it must be (None, {num_classes})")
    if not network.trainable_variables:
        raise ConfigError(f"{name}: it has no variable that can be trained; set trainable=True on a layer of it")
    return network


def _built(config: DictConfig, shape: tuple[int, ...], num_classes: int) -> tuple[keras.Model, tuple[int | None, ...]]:
    network = _make(config, "model", keras.Model, input_shape=shape, num_classes=num_classes)
    with warnings.catch_warnings(action="ignore"):  # in which Keras says first what it then raises
        # The call builds a Sequential and a subclassed model, too.
        return network, tuple(network(keras.Input(shape)).shape)


def _is_built_for_larger_images(config: DictConfig, shape: tuple[int, ...], num_classes: int) -> bool:
    if min(shape[:2]) >= LARGE:
        return False
    try:
        _built(config, (LARGE, LARGE, *shape[2:]), num_classes)
    except NOT_BUILT:
        return False
    return True


def make_loss(config: DictConfig, num_classes: int) -> keras.Loss:
    """A loss on (one-hot labels, logits), the mean over the batch: gradient norms rely on that."""
    loss, name = _make(config, "loss", keras.Loss), f"loss={option_name(config, 'loss')}"
    if loss.reduction not in ("sum_over_batch_size", "mean", "mean_with_sample_weight"):
        raise ConfigError(
            f"{name}: its reduction is {loss.reduction}; it must be the mean over the batch, sum_over_batch_size in "
            "Keras's words"
        )
    if config.loss["_target_"].startswith("ce_harness."):
        try:
            loss(np.eye(1, num_classes, dtype=np.float32), np.zeros((1, num_classes), np.float32))
        except ValueError as error:  # its options are of another number of classes
            raise ConfigError(f"{name}: {error}") from error
    else:
        refuse_loss_of_probabilities(loss, name, num_classes)
    if config.class_weight and loss.reduction == "mean_with_sample_weight":
        raise ConfigError(
            f"{name}: its reduction divides by the sum of the weights, which differs from batch to batch; with "
            "class_weight, take reduction=sum_over_batch_size"
        )
    return loss


def make_optimizer(config: DictConfig, steps_per_epoch: int) -> keras.Optimizer:
    """The optimizer with its schedule and clipping; in float16, where small gradients become 0, it scales the loss."""
    schedule = config.learning_rate_schedule
    if isinstance(schedule, DictConfig):
        given = {"initial_learning_rate": config.learning_rate}
        kind = keras.optimizers.schedules.LearningRateSchedule
        schedule = _instantiate(
            "learning_rate_schedule", {str(key): value for key, value in schedule.items()}, kind, given
        )
    rate = learning_rate(
        schedule,
        config.learning_rate,
        config.epochs * steps_per_epoch,
        config.warmup_epochs * steps_per_epoch,
    )
    clipping = {} if config.clip_norm is None else {"global_clipnorm": config.clip_norm}
    optimizer = _make(config, "optimizer", keras.Optimizer, learning_rate=rate, **clipping)
    if config.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def make_metrics(config: DictConfig) -> dict[str, keras.Metric]:
    """The user's own metrics, by name."""
    return {
        name: _instantiate(f"metrics.{name}", options, keras.Metric, {}) for name, options in config.metrics.items()
    }


def make_callbacks(config: DictConfig) -> list[keras.callbacks.Callback]:
    """The user's own Keras callbacks, in the order of the config."""
    callbacks = {
        name: _instantiate(f"callbacks.{name}", options, keras.callbacks.Callback, {})
        for name, options in config.callbacks.items()
    }
    for name, callback in callbacks.items():
        _refuse_what_the_run_does_itself(f"callbacks.{name}", callback, config)
        _check_monitor(f"callbacks.{name}", callback, config)
    return list(callbacks.values())


def _refuse_what_the_run_does_itself(key: str, callback: keras.callbacks.Callback, config: DictConfig) -> None:
    match callback:
        case keras.callbacks.ReduceLROnPlateau() | keras.callbacks.LearningRateScheduler():
            if config.learning_rate_schedule != "constant" or config.warmup_epochs:
                raise ConfigError(
                    f"{key}: {type(callback).__name__} sets the learning rate, and so does learning_rate_schedule="
                    f"{config.learning_rate_schedule} warmup_epochs={config.warmup_epochs}; allowed is one of them: "
                    "learning_rate_schedule=constant warmup_epochs=0"
                )
        case keras.callbacks.EarlyStopping(restore_best_weights=True):
            raise ConfigError(
                f"{key}: restore_best_weights would put other weights into a run that may continue after a crash; "
                "set early_stopping.restore_best_weights=true, which does the same"
            )
        case keras.callbacks.BackupAndRestore():
            raise ConfigError(f"{key}: BackupAndRestore restores what a run restores itself; leave it out")


def _check_monitor(key: str, callback: keras.callbacks.Callback, config: DictConfig) -> None:
    """Keras skips a metric that isn't there with a warning in its log: training then never stops or never saves."""
    match callback:
        case keras.callbacks.EarlyStopping() | keras.callbacks.ReduceLROnPlateau():
            monitor = callback.monitor
        case keras.callbacks.ModelCheckpoint(save_best_only=True):
            monitor = callback.monitor
        case _:
            return
    directed = ("loss", "accuracy", "val_loss", "val_accuracy")  # Keras knows which way is better
    known = (*directed, *(f"val_{name}" for name in ("nll", "brier", *config.metrics)))
    if monitor not in known:
        raise ConfigError(f"{key}.monitor={monitor}: there is no such metric; allowed is one of {', '.join(known)}")
    if callback.mode == "auto" and monitor not in directed:
        raise ConfigError(
            f"{key}.monitor={monitor}: Keras does not know which way is better; add {key}.mode, min or max"
        )


def _make(config: DictConfig, group: str, kind: type, **given: Any) -> Any:
    options = {key: value for key, value in config[group].items() if key not in ("name", "label")}
    return _instantiate(f"{group}={option_name(config, group)}", options, kind, given)


def _instantiate(what: str, options: dict[str, Any], kind: type, given: dict[str, Any]) -> Any:
    target = options["_target_"]
    try:
        part = instantiate(dict(options), **given, _convert_="all", _recursive_=False)
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, HarnessError):
            raise cause from None
        if cause is None or isinstance(cause, TypeError | ValueError | ImportError | AttributeError):
            raise ConfigError(f"{what}: {target}: {_reason(cause or error)}") from error
        raise
    if not isinstance(part, kind):
        package = kind.__module__.partition(".")[0]
        raise ConfigError(
            f"{what}: {target} returns an object of type {type(part).__name__}; it must return a {package} "
            f"{kind.__name__}"
        )
    return part


def _reason(error: BaseException) -> str:
    """What Keras and Hydra say, as one line without colours and without the call's arguments."""
    text = str(error).split("Arguments received by")[0]
    text = re.sub(r"\x1b\[\d*m|Exception encountered when calling \S+\.", "", text)
    return " ".join(text.split())
