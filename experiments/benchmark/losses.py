"""Our cross-entropy beside TensorFlow's: time of a forward and backward pass, and rounding error."""

from __future__ import annotations

import time
from decimal import Decimal, localcontext

import numpy as np
import pandas as pd

from ce_harness.report.study import Evidence, Table

# (batch, classes) -> rounds.
SPEED = {(128, 10): 2000, (128, 1000): 1000, (1024, 32768): 21}
DTYPES = {"float16": 10, "bfloat16": 7, "float32": 23, "float64": 52}  # bits of the fraction
SCALES = (1.0, 30.0, 1e4)
EXAMPLES, CLASSES = 512, 10


def speed(_: Evidence) -> Table:
    """Median times of interleaved runs, and the median of the ratios within each round."""
    rows = []
    for (batch, classes), rounds in SPEED.items():
        ours, builtin, copy = _times(batch, classes, rounds)
        ratio = ours / builtin
        rows.append(
            {
                "batch": batch,
                "classes": classes,
                "ours (ms)": 1e3 * np.median(ours),
                "tf.nn (ms)": 1e3 * np.median(builtin),
                "ours / tf.nn": np.median(ratio),
                "lower quartile": np.quantile(ratio, 0.25),
                "upper quartile": np.quantile(ratio, 0.75),
                "tf.nn / tf.nn": np.median(copy / builtin),
                "rounds": rounds,
            }
        )
    frame = pd.DataFrame(rows)
    shown = frame.assign(
        **{column: frame[column].map("{:.3f}".format) for column in frame.columns[2:8]},
    )
    return Table(
        "Cross-entropy and its gradient on the logits, float32, in a tf.function",
        frame,
        shown,
        (
            "Each round runs ours, TensorFlow's and a second copy of TensorFlow's in one process, in random order; "
            "medians over rounds of times and of the ratios within a round. How far tf.nn / tf.nn is from 1 is what "
            "this machine can't resolve.",
        ),
    )


def accuracy(_: Evidence) -> Table:
    """Largest errors against 50-digit arithmetic, logits uniform in [-scale, scale]."""
    import tensorflow as tf

    from ce_harness.losses import softmax_cross_entropy

    rng = np.random.default_rng(0)
    rows = []
    for dtype, bits in DTYPES.items():
        for scale in SCALES:
            logits = tf.cast(rng.uniform(-scale, scale, (EXAMPLES, CLASSES)), dtype)
            ids = rng.integers(0, CLASSES, EXAMPLES)
            labels = tf.one_hot(ids, CLASSES, dtype=dtype)
            exact_loss, exact_gradient = _exact(logits.numpy(), ids)
            # The spacing of the dtype's numbers at the largest logit, and just below 1.
            loss_ulp = 2.0 ** (np.floor(np.log2(np.abs(logits.numpy().astype(float)).max())) - bits)
            gradient_ulp = 2.0 ** (-bits - 1)
            row = {"dtype": dtype, "scale": scale}
            for name, function in (
                ("ours", softmax_cross_entropy),
                ("tf.nn", tf.nn.softmax_cross_entropy_with_logits),
            ):
                with tf.GradientTape() as tape:
                    tape.watch(logits)
                    loss = function(labels, logits)
                row[f"loss, {name}"] = _largest_error(loss, exact_loss) / loss_ulp
                row[f"gradient, {name}"] = _largest_error(tape.gradient(loss, logits), exact_gradient) / gradient_ulp
            rows.append(row)
    frame = pd.DataFrame(rows)[["dtype", "scale", "loss, ours", "loss, tf.nn", "gradient, ours", "gradient, tf.nn"]]
    shown = frame.assign(
        scale=frame["scale"].map("{:g}".format),
        **{column: frame[column].map("{:.2g}".format) for column in frame.columns[2:]},
    )
    return Table(
        f"Largest error in ulp, {EXAMPLES} examples of {CLASSES} classes, logits uniform in [-scale, scale]",
        frame,
        shown,
        (
            "An ulp of the loss is that of the largest logit: the inputs are known no better. An ulp of the "
            "gradient is that just below 1. The reference has 50 decimal digits. Ours returns the loss of "
            "float16 and bfloat16 logits in float32.",
        ),
    )


def _times(batch: int, classes: int, rounds: int) -> np.ndarray:
    """Seconds per call of ours, TensorFlow's and TensorFlow's again, (3, rounds)."""
    import tensorflow as tf

    from ce_harness.losses import softmax_cross_entropy

    rng = np.random.default_rng(0)
    logits = tf.constant(rng.normal(size=(batch, classes)), tf.float32)
    labels = tf.one_hot(rng.integers(0, classes, batch), classes)

    def timed(function):
        @tf.function
        def step(labels, logits):
            with tf.GradientTape() as tape:
                tape.watch(logits)
                loss = tf.reduce_mean(function(labels, logits))
            return loss, tape.gradient(loss, logits)

        def run():
            start = time.perf_counter()
            loss, gradient = step(labels, logits)
            loss.numpy(), gradient.device  # waits for both
            return time.perf_counter() - start

        for _ in range(3):
            run()
        return run

    builtin = tf.nn.softmax_cross_entropy_with_logits
    runs = timed(softmax_cross_entropy), timed(builtin), timed(builtin)
    seconds = np.empty((len(runs), rounds))
    for r in range(rounds):
        for i in rng.permutation(len(runs)):
            seconds[i, r] = runs[i]()
    return seconds


def _exact(logits: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Losses and gradients as `decimal.Decimal`."""
    losses, gradients = [], []
    with localcontext(prec=50):
        for row, true in zip(logits, ids, strict=True):
            exp = [(Decimal(float(z)) - Decimal(float(row[true]))).exp() for z in row]
            losses.append(sum(exp).ln())
            gradients.append([e / sum(exp) - (k == true) for k, e in enumerate(exp)])
    return np.array(losses), np.array(gradients)


def _largest_error(found, exact: np.ndarray) -> float:
    found = np.vectorize(lambda x: Decimal(float(x)), otypes=[object])(found.numpy())
    return float(np.abs(found - exact).max())
