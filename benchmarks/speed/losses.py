"""Our cross-entropy beside TensorFlow's: time of a forward and backward pass, and rounding error."""

from __future__ import annotations

import time
from decimal import Decimal, localcontext

import numpy as np
import pandas as pd

from benchmarks.speed.aims import aim
from ce_harness.report.study import Table

# (batch, classes) -> rounds, and what ours / tf.nn may be.
SPEED = {(128, 10): (2000, 1.0), (128, 1000): (1000, 1.0), (1024, 32768): (21, 0.6)}
DTYPES = {"float16": 10, "bfloat16": 7, "float32": 23, "float64": 52}  # bits of the fraction
SCALES = (1.0, 30.0, 1e4)
EXAMPLES, CLASSES = 512, 10


def speed() -> Table:
    """Median times of interleaved runs, and the median of the ratios within each round."""
    rows = []
    for (batch, classes), (rounds, limit) in SPEED.items():
        ours, builtin, copy, plain = _times(batch, classes, rounds)
        ratio = ours / builtin
        row = {
            "batch": batch,
            "classes": classes,
            "ours (ms)": 1e3 * np.median(ours),
            "tf.nn (ms)": 1e3 * np.median(builtin),
            "ours / tf.nn": np.median(ratio),
            "lower quartile": np.quantile(ratio, 0.25),
            "upper quartile": np.quantile(ratio, 0.75),
            "tf.nn / tf.nn": np.median(copy / builtin),
            "plain / tf.nn": np.median(plain / builtin),
            "rounds": rounds,
        }
        rows.append(row | aim(row["ours / tf.nn"], limit))
    frame = pd.DataFrame(rows)
    shown = frame.assign(
        **{column: frame[column].map("{:.3f}".format) for column in frame.columns[2:9]},
    )
    return Table(
        "Cross-entropy and its gradient on the logits, float32, in a tf.function",
        frame,
        shown,
        (
            "Each round runs ours, TensorFlow's, a second copy of TensorFlow's and a plain one in one process, in "
            "random order; medians over rounds of times and of the ratios within a round. How far tf.nn / tf.nn is "
            "from 1 is what this machine can't resolve. Plain is the closed form in as few of TensorFlow's operations"
            " as it takes: right only for finite logits and labels that sum to exactly one, and without second "
            "derivatives. What ours takes more makes it right for all others.",
        ),
    )


def accuracy() -> Table:
    """Largest errors against 50-digit arithmetic, logits uniform in [-scale, scale]."""
    import tensorflow as tf

    from ce_harness.losses import softmax_cross_entropy

    kinds = {
        "one-hot": lambda rng: np.eye(CLASSES)[rng.integers(0, CLASSES, EXAMPLES)],
        "soft": lambda rng: rng.dirichlet(np.ones(CLASSES), EXAMPLES),
    }
    rows = []
    for kind, draw in kinds.items():
        rng = np.random.default_rng(0)
        for dtype, bits in DTYPES.items():
            for scale in SCALES:
                logits = tf.cast(rng.uniform(-scale, scale, (EXAMPLES, CLASSES)), dtype)
                labels = tf.cast(draw(rng), dtype)
                exact_loss, exact_gradient = exact(labels.numpy(), logits.numpy())
                # The spacing of the dtype's numbers at the largest logit, and just below 1.
                loss_ulp = 2.0 ** (np.floor(np.log2(np.abs(logits.numpy().astype(float)).max())) - bits)
                gradient_ulp = 2.0 ** (-bits - 1)
                row = {"labels": kind, "dtype": dtype, "scale": scale}
                for name, function in (
                    ("ours", softmax_cross_entropy),
                    ("tf.nn", tf.nn.softmax_cross_entropy_with_logits),
                ):
                    with tf.GradientTape() as tape:
                        tape.watch(logits)
                        loss = function(labels, logits)
                    gradient = tape.gradient(loss, logits)
                    row[f"loss, {name}"] = largest_error(loss.numpy(), exact_loss) / loss_ulp
                    row[f"gradient, {name}"] = largest_error(gradient.numpy(), exact_gradient) / gradient_ulp
                rows.append(row)
    columns = ["labels", "dtype", "scale", "loss, ours", "loss, tf.nn", "gradient, ours", "gradient, tf.nn"]
    frame = pd.DataFrame(rows)[columns]
    shown = frame.assign(
        scale=frame["scale"].map("{:g}".format),
        **{column: frame[column].map("{:.2g}".format) for column in columns[3:]},
    )
    return Table(
        f"Largest error in ulp, {EXAMPLES} examples of {CLASSES} classes, logits uniform in [-scale, scale]",
        frame,
        shown,
        (
            "An ulp of the loss is that of the largest logit: the inputs are known no better. An ulp of the "
            "gradient is that just below 1. The reference has 50 decimal digits. Soft labels are drawn uniformly "
            "and rounded to the dtype, after which they need not sum to 1. Ours returns the loss of float16 and "
            "bfloat16 logits in float32. TensorFlow's is as it is by default: with deterministic operations on, it is "
            "another function, with other roundings.",
        ),
    )


def _times(batch: int, classes: int, rounds: int) -> np.ndarray:
    """Seconds per call of ours, TensorFlow's, TensorFlow's again and the plain closed form, (4, rounds)."""
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

    @tf.custom_gradient
    def plain(labels, logits):
        shifted = logits - tf.reduce_max(logits, axis=-1, keepdims=True)
        exp = tf.exp(shifted)
        partition = tf.reduce_sum(exp, axis=-1, keepdims=True)
        losses = tf.math.log(partition[:, 0]) - tf.reduce_sum(labels * shifted, axis=-1)
        return losses, lambda upstream: (None, upstream[:, tf.newaxis] * (exp / partition - labels))

    builtin = tf.nn.softmax_cross_entropy_with_logits
    runs = timed(softmax_cross_entropy), timed(builtin), timed(builtin), timed(plain)
    seconds = np.empty((len(runs), rounds))
    for r in range(rounds):
        for i in rng.permutation(len(runs)):
            seconds[i, r] = runs[i]()
    return seconds


def exact(labels: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Losses and gradients on the logits as `decimal.Decimal`, of 50 digits."""
    losses, gradients = [], []
    with localcontext(prec=50):
        for y, z in zip(_decimal(labels), _decimal(logits), strict=True):
            shifted = z - z.max()
            exp = np.array([x.exp() for x in shifted])
            losses.append(y @ (exp.sum().ln() - shifted))
            gradients.append(exp / exp.sum() * y.sum() - y)
    return np.array(losses), np.array(gradients)


def largest_error(found: np.ndarray, right: np.ndarray) -> float:
    return float(np.abs(_decimal(found) - right).max())


def _decimal(values: np.ndarray) -> np.ndarray:
    return np.vectorize(lambda x: Decimal(float(x)), otypes=[object])(values)
