"""Operations of networks, losses and optimizers under determinism on this device: refused, or the same bits each time?

Command: python -m benchmarks determinism    (1 minute on 2 cores)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from keras import layers

from ce_harness import losses
from ce_harness.report.study import Table

REPEATS = 5
BATCH, SIZE, CHANNELS, CLASSES = 32, 32, 8, 10

ON_IMAGES: Mapping[str, Callable[[], layers.Layer]] = {
    "Dense": lambda: layers.Dense(16),
    "Conv2D": lambda: layers.Conv2D(16, 3, padding="same"),
    "Conv2D, strided": lambda: layers.Conv2D(16, 3, strides=2),
    "Conv2D, dilated": lambda: layers.Conv2D(16, 3, dilation_rate=2),
    "Conv2DTranspose": lambda: layers.Conv2DTranspose(16, 3, strides=2),
    "DepthwiseConv2D": lambda: layers.DepthwiseConv2D(3),
    "SeparableConv2D": lambda: layers.SeparableConv2D(16, 3),
    "BatchNormalization": layers.BatchNormalization,
    "LayerNormalization": layers.LayerNormalization,
    "GroupNormalization": lambda: layers.GroupNormalization(4),
    "MaxPooling2D": layers.MaxPooling2D,
    "AveragePooling2D": lambda: layers.AveragePooling2D(2),
    "GlobalMaxPooling2D": layers.GlobalMaxPooling2D,
    "GlobalAveragePooling2D": layers.GlobalAveragePooling2D,
    "UpSampling2D, nearest": layers.UpSampling2D,
    "UpSampling2D, bilinear": lambda: layers.UpSampling2D(interpolation="bilinear"),
    "Resizing": lambda: layers.Resizing(20, 20),
    "Dropout": lambda: layers.Dropout(0.5, seed=0),
    "SpatialDropout2D": lambda: layers.SpatialDropout2D(0.5, seed=0),
    "GaussianNoise": lambda: layers.GaussianNoise(0.1, seed=0),
    "RandomFlip": lambda: layers.RandomFlip(seed=0),
    "RandomTranslation": lambda: layers.RandomTranslation(0.1, 0.1, seed=0),
    "RandomRotation": lambda: layers.RandomRotation(0.1, seed=0),
    "RandomZoom": lambda: layers.RandomZoom(0.1, seed=0),
    "LSTM on rows": lambda: keras.Sequential([layers.Reshape((SIZE, SIZE * CHANNELS)), layers.LSTM(8)]),
    "GRU on rows": lambda: keras.Sequential([layers.Reshape((SIZE, SIZE * CHANNELS)), layers.GRU(8)]),
}
ON_LOGITS: Mapping[str, Callable[[], keras.Loss]] = {
    "SoftmaxCrossEntropy": losses.SoftmaxCrossEntropy,
    "SoftmaxSquaredError": losses.SoftmaxSquaredError,
    "keras CategoricalCrossentropy": lambda: keras.losses.CategoricalCrossentropy(from_logits=True),
    "keras SparseCategoricalCrossentropy": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
}


def determinism() -> Table:
    """A row per operation: value and gradients of the same inputs, computed several times."""
    tf.get_logger().setLevel("ERROR")  # each repetition is traced anew, of which it would warn
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    images = tf.constant(rng.normal(size=(BATCH, SIZE, SIZE, CHANNELS)), tf.float32)
    logits = tf.constant(rng.normal(size=(BATCH * 100, CLASSES)), tf.float32)
    labels = rng.integers(0, CLASSES, len(logits))
    rows = []
    for name, make in ON_IMAGES.items():
        rows.append({"operation": name, "outcome": _outcome(lambda make=make: _of_layer(make, images))})
    for name, make in ON_LOGITS.items():
        truth = labels if "Sparse" in name else np.eye(CLASSES, dtype=np.float32)[labels]
        rows.append({"operation": name, "outcome": _outcome(lambda make=make, y=truth: _of_loss(make(), y, logits))})
    indices = tf.constant(rng.integers(0, 50, 20_000), tf.int32)
    rows.append({"operation": "Embedding", "outcome": _outcome(lambda: _of_layer(_embedding, indices))})
    frame = pd.DataFrame(rows)
    gpus = tf.config.list_physical_devices("GPU")
    device = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU") if gpus else "CPU"
    title = f"Operations under TensorFlow's determinism, {REPEATS} times each ({device}, TensorFlow {tf.__version__})"
    notes = ("Equal: the same bits of value and gradients each time. Refused: there is no deterministic kernel.",)
    return Table(title, frame, notes=notes)


def _embedding() -> layers.Layer:
    return layers.Embedding(50, 8)


def _of_layer(make: Callable[[], layers.Layer], inputs: tf.Tensor) -> list[bytes]:
    """Value and gradients of a fresh layer, whose weights and random numbers come from the seed alone."""
    keras.utils.set_random_seed(0)
    layer = make()
    layer.build(inputs.shape)

    @tf.function
    def computed() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            if inputs.dtype.is_floating:
                tape.watch(inputs)
            outputs = layer(inputs, training=True)
            value = tf.reduce_mean(tf.square(outputs))
        sources = [*layer.trainable_variables, *([inputs] if inputs.dtype.is_floating else [])]
        return [outputs, *filter(lambda gradient: gradient is not None, tape.gradient(value, sources))]

    return [tf.convert_to_tensor(result).numpy().tobytes() for result in computed()]


def _of_loss(loss: keras.Loss, labels: np.ndarray, logits: tf.Tensor) -> list[bytes]:
    @tf.function
    def computed() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(labels, logits)
        return [value, tape.gradient(value, logits)]

    return [result.numpy().tobytes() for result in computed()]


def _outcome(compute: Callable[[], list[Any]]) -> str:
    try:
        results = [compute() for _ in range(REPEATS)]
    except (tf.errors.OpError, RuntimeError) as error:
        return f"refused: {str(error).strip().splitlines()[0][:100]}"
    return "equal" if all(result == results[0] for result in results) else "not equal"


TABLES = {"determinism": determinism}
