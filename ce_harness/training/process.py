"""The process a run trains in: threads, determinism, precision, seeds, and Keras's settings at their defaults."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from ce_harness import devices
from ce_harness.datasets import Split
from ce_harness.errors import ConfigError


def prepare(seed: int, threads: int, precision: str, device: str | int, deterministic: bool) -> None:
    """Puts the process in the state that a fresh one would have, so that a reused worker computes the same bits.

    Args:
        seed: of Python's, NumPy's and Keras's global generators; initial weights and dropout follow from it.
        threads: TensorFlow's intra- and inter-op threads. Fixed for good once TensorFlow has run something.
        precision: a Keras dtype policy, ``float32``, ``mixed_bfloat16`` or ``mixed_float16``.
        device: as in the config; that a GPU is there, TensorFlow has the last word on.
        deterministic: whether an operation that has no deterministic kernel is an error.

    Raises:
        ConfigError: TensorFlow sees no GPU where one is asked for, or the process already runs on another number of
            threads.
    """
    if device not in ("auto", "cpu") and not tf.config.list_physical_devices("GPU"):
        raise ConfigError(
            f"device={device}: this TensorFlow sees no GPU; pip install 'tensorflow[and-cuda]', or set device=cpu"
        )
    keras.utils.clear_session()
    _set_threads(threads)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    _settle_keras()
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(seed)


def compiles(option: bool | str) -> bool:
    """Whether XLA compiles the training step; ``auto`` does on a GPU. On CPU it was 2 to 5 times slower."""
    return bool(tf.config.list_physical_devices("GPU")) if option == "auto" else bool(option)


def device_for(train: Split) -> str | None:
    """Where the training examples are kept: on the GPU where they take a small share of its memory; None: the host."""
    size = len(train) * math.prod(train.pixels.shape[1:]) * train.pixels.itemsize
    if tf.config.list_physical_devices("GPU") and devices.has_room_for_data(size):
        return "GPU:0"
    return None


def _settle_keras() -> None:
    """Undoes what keras.json, the environment or a run before this one set: the config alone decides.

    ``KERAS_MAX_EPOCHS`` would cut training short without a word, another image format transpose every network.
    """
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_max_epochs(None)
    keras.config.set_max_steps_per_epoch(None)


def _set_threads(threads: int) -> None:
    settings = tf.config.threading
    now = settings.get_intra_op_parallelism_threads()
    if now == threads:
        return
    try:
        settings.set_intra_op_parallelism_threads(threads)
        settings.set_inter_op_parallelism_threads(threads)
    except RuntimeError as error:
        raise ConfigError(
            f"threads={threads}: this process already runs on {now or 'all'} threads, and TensorFlow can't change "
            "that; sweep threads in separate calls"
        ) from error
