"""Saving a network as an MLflow model, with its signature and the requirements to load it."""

from __future__ import annotations

import shutil
from pathlib import Path

import keras
import mlflow.keras
import numpy as np
import tensorflow as tf
from mlflow.models import infer_signature


def save_model(network: keras.Model, input_shape: tuple[int, ...], folder: Path) -> None:
    """Writes what ``mlflow.keras.load_model("runs:/RUN_ID/model")`` reads.

    Args:
        network: maps images to logits.
        input_shape: of an image.
    """
    example = np.zeros((1, *input_shape), np.float32)
    shutil.rmtree(folder, ignore_errors=True)
    mlflow.keras.save_model(
        network,
        str(folder),
        signature=infer_signature(example, network(example).numpy()),
        pip_requirements=[f"tensorflow=={tf.__version__}", f"keras=={keras.__version__}"],
    )
