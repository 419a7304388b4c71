"""Training and nothing else: the least that a program can spend which trains the network through TensorFlow.

    python -m experiments.benchmark.alone MODEL EPOCHS

An epoch is one call into TensorFlow: no Keras loop, no metrics, no validation, no norms. Prints the seconds that the
training took, tracing included.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from ce_harness.datasets import Split, fashion_mnist
from ce_harness.loading import import_tensorflow

BATCH_SIZE, LEARNING_RATE, MOMENTUM = 128, 0.05, 0.9  # the bare script's


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


def training_epoch(network, split: Split) -> Callable[[np.ndarray], float]:
    """A function of the order of the examples: trains a Keras network on them, returns the last batch's loss.

    Every step reads the weights that the one before has written. Steps on fixed weights would overlap on the cores, and
    look faster than training can be.
    """
    import tensorflow as tf

    images, labels = tf.constant(split.images), tf.constant(split.labels)
    weights = [variable.value for variable in network.trainable_variables]
    velocities = [tf.Variable(tf.zeros_like(weight)) for weight in weights]

    @tf.function(autograph=False)
    def epoch(order):
        def step(first, _):
            batch = order[first : first + BATCH_SIZE]
            with tf.GradientTape() as tape:
                logits = network(tf.gather(images, batch), training=True)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(labels, batch), logits)
                loss = tf.reduce_mean(losses)
            for weight, velocity, gradient in zip(weights, velocities, tape.gradient(loss, weights), strict=True):
                velocity.assign(MOMENTUM * velocity - LEARNING_RATE * gradient)
                weight.assign_add(velocity)
            return first + BATCH_SIZE, loss

        return tf.while_loop(lambda first, _: first < tf.size(order), step, [0, 0.0])[1]

    return lambda order: float(epoch(tf.constant(order, tf.int32)))


if __name__ == "__main__":
    main(*sys.argv[1:])
