"""Classifiers. Every builder returns a Keras model that maps images to LOGITS, never to probabilities.

A builder takes ``input_shape`` (height, width, channels) and ``num_classes`` from the dataset, and its own options from
the config. It names its layers, so that gradient norms have the same names in every process. The last layer is called
``head``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from ce_harness.models.head import head

# Below this size a 5x5 or an unpadded network runs out of pixels, so convolutions are padded ("same").
UNPADDED_FROM = 28


def _padding(input_shape: Sequence[int]) -> str:
    return "valid" if min(input_shape[:2]) >= UNPADDED_FROM else "same"


def _classifier(name: str, input_shape: Sequence[int], body: Sequence[layers.Layer]) -> keras.Model:
    return keras.Sequential([keras.Input(tuple(input_shape)), *body], name=name)


def softmax_regression(input_shape: Sequence[int], num_classes: int, head_stddev: float | None = None) -> keras.Model:
    """Multinomial logistic regression: one dense layer on the pixels."""
    return _classifier(
        "softmax_regression", input_shape, [layers.Flatten(name="flatten"), head(num_classes, head_stddev)]
    )


def mlp(
    input_shape: Sequence[int],
    num_classes: int,
    hidden_units: Sequence[int] = (128, 64),
    activation: str = "relu",
    head_stddev: float | None = None,
) -> keras.Model:
    """Multilayer perceptron with ``len(hidden_units)`` hidden layers."""
    hidden = [layers.Dense(units, activation=activation, name=f"dense{i}") for i, units in enumerate(hidden_units, 1)]
    return _classifier("mlp", input_shape, [layers.Flatten(name="flatten"), *hidden, head(num_classes, head_stddev)])


def lenet5(input_shape: Sequence[int], num_classes: int, head_stddev: float | None = None) -> keras.Model:
    """LeNet-5 with ReLU and max pooling (LeCun et al. 1998, Gradient-based learning, fig. 2).

    On images below 28 pixels both convolutions shrink from 5x5 to padded 3x3: 8x8 leaves 2x2x16 features.
    """
    fits = _padding(input_shape) == "valid"
    size = 5 if fits else 3
    return _classifier(
        "lenet5",
        input_shape,
        [
            layers.Conv2D(6, size, padding="same", activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool1"),
            layers.Conv2D(16, size, padding=_padding(input_shape), activation="relu", name="conv2"),
            layers.MaxPooling2D(name="pool2"),
            layers.Flatten(name="flatten"),
            layers.Dense(120, activation="relu", name="dense1"),
            layers.Dense(84, activation="relu", name="dense2"),
            head(num_classes, head_stddev),
        ],
    )


def convnet(
    input_shape: Sequence[int], num_classes: int, dropout: float = 0.5, head_stddev: float | None = None
) -> keras.Model:
    """Two 3x3 convolutions with pooling, then dropout: 34,826 parameters on 28x28x1 and 10 classes."""
    padding = _padding(input_shape)
    return _classifier(
        "convnet",
        input_shape,
        [
            layers.Conv2D(32, 3, padding=padding, activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool1"),
            layers.Conv2D(64, 3, padding=padding, activation="relu", name="conv2"),
            layers.MaxPooling2D(name="pool2"),
            layers.Flatten(name="flatten"),
            layers.Dropout(dropout, name="dropout"),
            head(num_classes, head_stddev),
        ],
    )


def vgg_small(
    input_shape: Sequence[int], num_classes: int, dropout: float = 0.3, head_stddev: float | None = None
) -> keras.Model:
    """Three VGG blocks (two padded 3x3 convolutions, batch normalisation, pooling) of 32, 64 and 128 channels."""
    body: list[layers.Layer] = []
    for block, channels in enumerate((32, 64, 128), 1):
        for conv in (1, 2):
            name = f"block{block}_conv{conv}"
            body += [
                layers.Conv2D(channels, 3, padding="same", use_bias=False, name=name),
                layers.BatchNormalization(name=f"{name}_bn"),
                layers.ReLU(name=f"{name}_relu"),
            ]
        body += [
            layers.MaxPooling2D(name=f"block{block}_pool"),
            layers.Dropout(dropout, name=f"block{block}_dropout"),
        ]
    body += [layers.GlobalAveragePooling2D(name="pool"), head(num_classes, head_stddev)]
    return _classifier("vgg_small", input_shape, body)


def resnet20(input_shape: Sequence[int], num_classes: int, head_stddev: float | None = None) -> keras.Model:
    """ResNet-20 for small images (He et al. 2016, section 4.2): about 0.27 million parameters.

    Three stages of three basic blocks with 16, 32 and 64 channels; identity shortcuts, zero-padded and
    subsampled where the shape changes ("option A").
    """

    def conv_bn(x: Any, channels: int, stride: int, name: str) -> Any:
        x = layers.Conv2D(
            channels,
            3,
            stride,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"{name}_conv",
        )(x)
        return layers.BatchNormalization(name=f"{name}_bn")(x)

    def block(x: Any, channels: int, stride: int, name: str) -> Any:
        shortcut = x
        if stride != 1:
            extra = channels - x.shape[-1]
            shortcut = layers.AveragePooling2D(1, stride, name=f"{name}_subsample")(x)
            zeros = keras.ops.zeros_like(shortcut[..., :extra])
            shortcut = layers.Concatenate(name=f"{name}_widen")([shortcut, zeros])
        x = layers.ReLU(name=f"{name}a_relu")(conv_bn(x, channels, stride, f"{name}a"))
        x = layers.Add(name=f"{name}_add")([shortcut, conv_bn(x, channels, 1, f"{name}b")])
        return layers.ReLU(name=f"{name}_relu")(x)

    inputs = keras.Input(tuple(input_shape))
    x = layers.ReLU(name="stem_relu")(conv_bn(inputs, 16, 1, "stem"))
    for stage, channels in enumerate((16, 32, 64), 1):
        for unit in (1, 2, 3):
            x = block(x, channels, 2 if stage > 1 and unit == 1 else 1, f"stage{stage}_unit{unit}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, head(num_classes, head_stddev)(x), name="resnet20")
