"""Any network of ``keras.applications`` below a head of our own, from new weights or from a file of trained ones."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from keras import layers

from ce_harness.errors import ConfigError, DataError
from ce_harness.models.head import head

WHITE = 255.0  # of the images that keras.applications expects; ours are from 0 to 1


def backbone(
    input_shape: Sequence[int],
    num_classes: int,
    network: str,
    weights: str | None = None,
    weights_sha256: str | None = None,
    frozen: bool = False,
    trained_layers: int = 0,
    dropout: float = 0.0,
    head_stddev: float | None = None,
) -> keras.Model:
    """``network`` without its own top, then the mean over all pixels, dropout and the head.

    Images of one channel get three equal ones. All go through the network's own ``preprocess_input``, which takes
    pixels from 0 to 255, so the data are not to be standardized.

    Args:
        network: a name in ``keras.applications``, such as ``MobileNetV2``.
        weights: an ``.h5`` file of trained weights without top; None draws them anew. Nothing is downloaded.
        weights_sha256: of that file, in hex.
        frozen: keep the weights of the network as they are, but for the last layers.
        trained_layers: how many of the last layers are trained all the same.
        dropout: share of the features that are dropped in training.

    Raises:
        ConfigError: there is no such network, or the digest is missing.
        DataError: the file can't be read, or is another.
    """
    build, preprocess = _application(network)
    if weights is not None:
        _check_file(Path(weights), weights_sha256)
    images = keras.Input(tuple(input_shape), name="images")
    pixels = images if input_shape[-1] == 3 else layers.Concatenate(name="rgb")([images] * 3)
    body = build(include_top=False, weights=weights, input_shape=(*input_shape[:2], 3))
    if frozen:
        for layer in body.layers[: len(body.layers) - trained_layers]:
            layer.trainable = False
    features = body(preprocess(layers.Rescaling(WHITE, name="pixels")(pixels)))
    features = layers.GlobalAveragePooling2D(name="pool")(features)
    if dropout:
        features = layers.Dropout(dropout, name="dropout")(features)
    return keras.Model(images, head(num_classes, head_stddev)(features), name=body.name)


def _application(network: str) -> tuple[Any, Any]:
    """The builder, and what brings pixels into the range that it expects: both are in the same module of Keras."""
    names = sorted(name for name, kind in vars(keras.applications).items() if name[0].isupper() and callable(kind))
    if network not in names:
        raise ConfigError(f"model.network={network}: allowed is one of {', '.join(names)}; for example MobileNetV2")
    build = getattr(keras.applications, network)
    return build, sys.modules[build.__module__].preprocess_input


def _check_file(weights: Path, expected: str | None) -> None:
    try:
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"model.weights: {weights} can't be read ({error.strerror}); give the path of a file"
        ) from error
    if expected is None:
        raise ConfigError(f"model.weights_sha256: it has no value yet; that of {weights} is {digest}")
    if digest != expected.lower():
        raise DataError(f"model.weights: the SHA-256 of {weights} is {digest}, not {expected}; get the file again")
