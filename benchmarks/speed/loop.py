"""The least that trains a network through TensorFlow: a loop over the batches of an epoch, in one call."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ce_harness.datasets import Split

BATCH_SIZE, LEARNING_RATE, MOMENTUM = 128, 0.05, 0.9  # the bare script's


def training_epoch(network, split: Split, batch_size: int = BATCH_SIZE) -> Callable[[np.ndarray], float]:
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
            batch = order[first : first + batch_size]
            with tf.GradientTape() as tape:
                logits = network(tf.gather(images, batch), training=True)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(labels, batch), logits)
                loss = tf.reduce_mean(losses)
            for weight, velocity, gradient in zip(weights, velocities, tape.gradient(loss, weights), strict=True):
                velocity.assign(MOMENTUM * velocity - LEARNING_RATE * gradient)
                weight.assign_add(velocity)
            return first + batch_size, loss

        return tf.while_loop(lambda first, _: first < tf.size(order), step, [0, 0.0])[1]

    return lambda order: float(epoch(tf.constant(order, tf.int32)))
