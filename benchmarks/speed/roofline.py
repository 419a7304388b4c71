"""How far a training step is from what the processor could do: float operations over the rate of a matrix product."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from benchmarks.speed.loop import BATCH_SIZE, training_epoch
from benchmarks.speed.training import NETWORKS
from ce_harness.report.study import Table

SIZE, PRODUCTS = 2048, 15  # of the square matrices, and how many times they are multiplied
STEPS, REPEATS = 100, 5


def roofline() -> Table:
    """Per network: float operations of a step, the time they need at the rate of a matrix product, and its own time."""
    rate = _matmul_rate()
    rows = []
    for network in NETWORKS:
        operations, seconds = _step(network)
        rows.append(
            {
                "network": network,
                "Mflop per step": operations / 1e6,
                "matrix product (Gflop/s)": rate / 1e9,
                "least time (ms)": 1e3 * operations / rate,
                "training step (ms)": 1e3 * seconds,
                "share of the rate": operations / rate / seconds,
            }
        )
    frame = pd.DataFrame(rows)
    return Table(
        f"What binds a training step: batch {BATCH_SIZE}, float32, all cores",
        frame,
        frame.assign(**{c: frame[c].map("{:.3g}".format) for c in frame.columns[1:]}),
        (
            "Float operations of loss and gradients as counted by TensorFlow's profiler. The rate is that of a "
            f"{SIZE} x {SIZE} matrix product, median of {PRODUCTS}. The step is of the training alone, without norms, "
            f"metrics and Keras loop (benchmarks/speed/loop.py); median of {REPEATS} times {STEPS} steps.",
        ),
    )


def _matmul_rate() -> float:
    """Float operations per second."""
    import tensorflow as tf

    matrix = tf.random.stateless_normal((SIZE, SIZE), seed=(0, 0))
    product = tf.function(tf.matmul)
    product(matrix, matrix)
    seconds = []
    for _ in range(PRODUCTS):
        start = time.perf_counter()
        product(matrix, matrix).numpy()
        seconds.append(time.perf_counter() - start)
    return 2 * SIZE**3 / float(np.median(seconds))


def _step(network: str) -> tuple[float, float]:
    """Float operations and median seconds of a training step."""
    import tensorflow as tf
    from tensorflow.compat.v1.profiler import ProfileOptionBuilder, profile

    from ce_harness import models
    from ce_harness.datasets import fashion_mnist

    dataset = fashion_mnist()
    net = getattr(models, network)(dataset.input_shape, dataset.num_classes)

    def gradients(images, labels):
        with tf.GradientTape() as tape:
            logits = net(images, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        return tape.gradient(loss, net.trainable_variables)

    batch = tf.TensorSpec((BATCH_SIZE, *dataset.input_shape)), tf.TensorSpec([BATCH_SIZE], tf.int64)
    graph = tf.function(gradients).get_concrete_function(*batch).graph
    options = ProfileOptionBuilder(ProfileOptionBuilder.float_operation()).with_empty_output().build()
    operations = profile(graph, options=options).total_float_ops

    epoch = training_epoch(net, dataset.train)
    order = np.random.default_rng(0).permutation(len(dataset.train))[: STEPS * BATCH_SIZE]
    epoch(order)
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        epoch(order)
        seconds.append((time.perf_counter() - start) / STEPS)
    return float(operations), float(np.median(seconds))
