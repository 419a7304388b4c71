"""Training and nothing else: the least that a program can spend which trains the network through TensorFlow.

    python -m benchmarks.speed.alone MODEL EPOCHS

An epoch is one call into TensorFlow: no Keras loop, no metrics, no validation, no norms. Prints the seconds that the
training took, tracing included.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from benchmarks.speed.loop import training_epoch
from ce_harness.datasets import fashion_mnist
from ce_harness.startup import import_tensorflow


def main(model_name: str, epochs: str) -> None:
    import_tensorflow()  # as `run.py` does it
    import keras

    from ce_harness import models

    dataset = fashion_mnist()
    keras.utils.set_random_seed(0)
    network = getattr(models, model_name)(dataset.input_shape, dataset.num_classes)
    start = time.perf_counter()
    epoch = training_epoch(network, dataset.train)
    rng = np.random.default_rng(0)
    for _ in range(int(epochs)):
        epoch(rng.permutation(len(dataset.train)))
    print(f"fit_seconds {time.perf_counter() - start:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
