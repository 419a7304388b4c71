"""A trained network for use: raw images in, a named and calibrated probability of each class out.

MLflow copies this file into the models that it serves, so it imports nothing of the package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import layers

FILE = "classifier.keras"
NAMES = "class"  # the layer that holds the class names, and the output that gives the name of the most probable one


def assemble(
    network: keras.Model,
    input_shape: Sequence[int],
    *,
    class_names: Sequence[str],
    temperature: float = 1.0,
    mean: Any = 0.0,
    deviation: Any = 1.0,
) -> keras.Model:
    """The network with all that lies before and behind it, in Keras's own layers: whoever has Keras can load it.

    Args:
        network: maps images (B, H, W, C) to logits (B, K).
        input_shape: (H, W, C).
        class_names: the name of class ``k`` at position ``k``.
        temperature: what the logits are divided by (Guo et al. 2017, arXiv 1706.04599).
        mean: of each channel, or of all, in units of the raw pixels. It is subtracted.
        deviation: what is divided by next, likewise.

    Returns:
        A model from raw pixels to ``{"class": names (B,), "probabilities": (B, K)}``.
    """
    channels = input_shape[-1]
    images = keras.Input(tuple(input_shape), name="raw_images")
    scaled = layers.Normalization(
        mean=np.broadcast_to(mean, channels).tolist(),
        variance=np.square(np.broadcast_to(deviation, channels)).tolist(),
        dtype="float32",
        name="scaling",
    )(images)
    logits = layers.Rescaling(1 / temperature, dtype="float32", name="temperature")(network(scaled))
    probabilities = layers.Softmax(dtype="float32", name="probabilities")(logits)
    names = layers.StringLookup(vocabulary=list(class_names), num_oov_indices=0, invert=True, name=NAMES)
    return keras.Model(images, {NAMES: names(keras.ops.argmax(probabilities, axis=-1)), "probabilities": probabilities})


class Classifier:
    """What `load` returns.

    Attributes:
        model: as `assemble` made it.
        class_names: in the order of the columns of `predict`.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self.class_names = tuple(model.get_layer(NAMES).get_vocabulary())

    def predict(self, images: Any) -> pd.DataFrame:
        """The probability of each class: a row per image, a column per class name.

        Args:
            images: raw pixels as in the data set's source, of shape (N, H, W, C); (N, H, W) where C is 1.

        Raises:
            ValueError: images of another shape.
        """
        pixels = np.asarray(images)
        expected = self.model.input_shape[1:]
        if expected[-1] == 1 and pixels.shape[1:] == expected[:-1]:
            pixels = pixels[..., np.newaxis]
        if pixels.shape[1:] != expected:
            raise ValueError(f"images must have the shape (N, {', '.join(map(str, expected))}), got {pixels.shape}")
        probabilities = self.model.predict(pixels.astype(np.float32), verbose=0)["probabilities"]
        return pd.DataFrame(probabilities, columns=list(self.class_names))


def load(path: str | Path, custom_objects: Mapping[str, Any] | None = None) -> Classifier:
    """The network that a run with ``save_model=true`` has kept. Nothing is unpickled.

    Args:
        path: the folder of the run, of its MLflow model, or the ``.keras`` file.
        custom_objects: classes of your own by name, if they are not registered with Keras.

    Raises:
        FileNotFoundError: no such file is there.
    """
    path = Path(path)
    for file in (
        path,
        path / "artifacts" / "model" / "data" / FILE,
        path / "model" / "data" / FILE,
        path / "data" / FILE,
    ):
        if file.is_file():
            return Classifier(keras.saving.load_model(file, custom_objects=custom_objects))
    raise FileNotFoundError(f"{path}: there is no {FILE} in it; train with save_model=true")


def _load_pyfunc(data_path: str) -> Classifier:
    """What MLflow calls."""
    return load(data_path)
