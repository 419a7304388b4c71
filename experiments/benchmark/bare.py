"""What a user would write by hand: Keras alone, no norms, no tracking. The peer of `training.against_bare`.

    python -m experiments.benchmark.bare MODEL EPOCHS

Prints the seconds that `fit` took.
"""

import sys
import time

import keras

from ce_harness import models
from ce_harness.datasets import fashion_mnist


def main(model_name: str, epochs: int) -> None:
    dataset = fashion_mnist()
    train, validation = dataset.train, dataset.validation
    keras.utils.set_random_seed(0)
    model = keras.Sequential([getattr(models, model_name)(dataset.input_shape, dataset.num_classes)])
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    start = time.perf_counter()
    model.fit(
        train.images,
        train.labels,
        batch_size=128,
        epochs=epochs,
        validation_data=(validation.images, validation.labels),
        verbose=0,
    )
    print(f"fit_seconds {time.perf_counter() - start:.3f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
