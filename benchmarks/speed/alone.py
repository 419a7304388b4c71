"""Training and nothing else: the least that a program can spend which trains the network through TensorFlow.

    python -m benchmarks.speed.alone MODEL EPOCHS [DATASET [BATCH_SIZE [THREADS]]]

An epoch is one call into TensorFlow: no Keras loop, no metrics, no validation, no norms. Prints what the training took,
tracing included and imports not: core-seconds of the process, and seconds.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from benchmarks.speed.loop import training_epoch
from ce_harness.startup import import_tensorflow


def main(
    model_name: str, epochs: str, dataset_name: str = "fashion_mnist", batch_size: str = "128", threads: str = "0"
) -> None:
    import_tensorflow()  # as `run.py` does it
    import keras
    import tensorflow as tf

    from ce_harness import datasets, models

    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    tf.config.threading.set_inter_op_parallelism_threads(int(threads))
    dataset = getattr(datasets, dataset_name)()
    keras.utils.set_random_seed(0)
    network = getattr(models, model_name)(dataset.input_shape, dataset.num_classes)
    start, start_of_process = time.perf_counter(), time.process_time()
    epoch = training_epoch(network, dataset.train, int(batch_size))
    rng = np.random.default_rng(0)
    for _ in range(int(epochs)):
        epoch(rng.permutation(len(dataset.train)))
    print(f"core_seconds {time.process_time() - start_of_process:.3f}")
    print(f"fit_seconds {time.perf_counter() - start:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
