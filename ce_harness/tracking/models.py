"""Saving a trained network as an MLflow model, with its signature and the requirements to load it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import keras
import mlflow
import mlflow.pyfunc
import numpy as np
import pandas as pd
import tensorflow as tf
from mlflow.models import infer_signature

from ce_harness import classifier


def save_model(model: keras.Model, raw_images: np.ndarray, folder: Path) -> None:
    """Writes what ``mlflow models predict`` and ``mlflow models serve`` take; the network lies in it as ``.keras``.

    Args:
        model: as `classifier.assemble` makes it.
        raw_images: examples (B, H, W, C), of the type that predictions will be asked for. They are kept with it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / classifier.FILE
        model.save(file)
        mlflow.pyfunc.save_model(
            str(folder),
            loader_module="classifier",  # as it is called among the code that goes along
            code_paths=[classifier.__file__],
            data_path=str(file),
            input_example=raw_images,
            signature=infer_signature(raw_images, classifier.Classifier(model).predict(raw_images)),
            pip_requirements=[
                f"mlflow=={mlflow.__version__}",
                f"tensorflow=={tf.__version__}",
                f"keras=={keras.__version__}",
                f"pandas=={pd.__version__}",
            ],
        )
