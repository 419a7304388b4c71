"""What a user would write by hand: Keras alone, no norms, no tracking. The peer of our runs and sweeps.

    python -m benchmarks.speed.bare MODEL EPOCHS [DATASET [BATCH_SIZE]]

Prints when the first step was done, and the seconds that `fit` took.
"""

import sys
import time

import keras

from benchmarks.speed.first_step import FirstStep
from ce_harness import datasets, models


def main(model_name: str, epochs: str, dataset_name: str = "fashion_mnist", batch_size: str = "128") -> None:
    dataset = getattr(datasets, dataset_name)()
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
        batch_size=int(batch_size),
        epochs=int(epochs),
        validation_data=(validation.images, validation.labels),
        callbacks=[FirstStep()],
        verbose=0,
    )
    print(f"fit_seconds {time.perf_counter() - start:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
