"""What is known of each loss before any run: its gradient in closed form, its scale, its look in figures. NumPy only.

A new loss of ours gets one entry in `LOSSES`, under the name of its file in conf/loss. A loss without an entry works
everywhere: figures take a colour from a cycle and draw no closed form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
# Line styles of Matplotlib: solid, dashed, dotted, or (offset, (on, off, ...)) in points.
LineStyle = str | tuple[int, tuple[int, ...]]


@dataclass(frozen=True)
class LossFacts:
    """The facts of one loss.

    Attributes:
        gradient: d loss / d logits of labels y, logits z and probabilities p, each (..., K) in float64. The options
            of the loss follow by name.
        color, linestyle: how the loss is drawn, the same in all figures.
        trains_probabilities: whether softmax of the logits is what the loss trains. Otherwise the scores of
            probabilities are compared only after temperature scaling.
        ce_over_loss: of K, the norm of cross-entropy's gradient over that of this loss at a uniform prediction. None
            where it depends on options, or where the two gradients differ in direction.
    """

    gradient: Callable[..., Array]
    color: str
    linestyle: LineStyle = "-"
    trains_probabilities: bool = True
    ce_over_loss: Callable[[int], float] | None = None


def logit_gradient(loss: str, labels: ArrayLike, logits: ArrayLike, **options: float) -> Array:
    """Returns d loss / d logits per example, in float64, with p = softmax(z).

    | loss | gradient |
    |---|---|
    | ``softmax_ce``, ``builtin_ce`` | ``p - y`` |
    | ``mse`` | ``2 p_i ((p_i - y_i) - sum_j p_j (p_j - y_j))`` |
    | ``mse_mean`` | the same over K |
    | ``mse_logits`` | ``(2 / K) (1 + (k - 1) y_i) (z_i - M y_i)`` |
    | ``label_smoothing_ce`` | ``p - (1 - eps) y - eps / K`` |
    | ``focal`` | ``g_t (y - p)``, ``g_t = gamma p_t (1 - p_t)^(gamma - 1) ln p_t - (1 - p_t)^gamma`` |
    | ``squentropy`` | ``p - y + 2 (1 - y_i) z_i / (K - 1)`` |

    Args:
        loss: a name of the table, those of the configs.
        labels: (..., K), one-hot.
        logits: (..., K).
        **options: the options of the loss, under the names of its config; its defaults otherwise.

    Returns:
        (..., K).

    Raises:
        KeyError: an unknown loss.
        ValueError: labels and logits of different shapes.
    """
    y, z = np.asarray(labels, np.float64), np.asarray(logits, np.float64)
    if y.shape != z.shape:
        raise ValueError(f"labels must have the shape of the logits: labels {y.shape}, logits {z.shape}")
    exp = np.exp(z - z.max(axis=-1, keepdims=True))
    return LOSSES[loss].gradient(y, z, exp / exp.sum(axis=-1, keepdims=True), **options)


def gradient_at(
    loss: str, p_true: ArrayLike, num_classes: int, wrong_classes: int | None = None, **options: float
) -> Array:
    """`logit_gradient` of examples whose true class, the first, has probability p_true.

    The rest is spread evenly over as many wrong classes as asked for. The others have probability 0, their logits
    are -inf, and losses of raw logits have no gradient there. Logits that are finite have mean 0.

    Args:
        loss, options: as in `logit_gradient`.
        p_true: probabilities between 0 and 1, (N,).
        num_classes: K, 2 or more.
        wrong_classes: 1 is a confidently wrong prediction; None is all K - 1.

    Returns:
        (N, K). Minus its first column is `true_class_gradient`.
    """
    p = np.asarray(p_true, np.float64)
    wrong = wrong_classes or num_classes - 1
    # The true class's logit over each wrong one's.
    lead = np.log(p) - np.log1p(-p) + np.log(wrong)
    logits = np.full((len(p), num_classes), -np.inf)
    logits[:, 0] = lead * wrong / (wrong + 1)
    logits[:, 1 : wrong + 1] = -lead[:, np.newaxis] / (wrong + 1)
    labels = np.zeros_like(logits)
    labels[:, 0] = 1
    return logit_gradient(loss, labels, logits, **options)


def true_class_gradient(
    loss: str, p_true: ArrayLike, num_classes: int, wrong_classes: int | None = None, **options: float
) -> Array:
    """How strongly the loss raises the true class's logit: -dl/dz_y, at the examples of `gradient_at`, (N,).

    With one wrong class: 1 - p for cross-entropy, 4 p (1 - p)^2 for the squared error summed over classes. As p falls
    the first stays, and the second falls with it.
    """
    return -gradient_at(loss, p_true, num_classes, wrong_classes, **options)[:, 0]


def slope_in_decades(p_true: ArrayLike, gradient: ArrayLike) -> float:
    """The slope of log10(gradient) over log10(p_true), by least squares.

    0 where the gradient stays as p_true falls; 1 where it falls by a decade for each decade, which is saturation.
    A constant factor, the scale of a loss, does not change it. NaN for fewer than two positive gradients.

    Args:
        p_true: probabilities of the true class, positive, (N,).
        gradient: -dl/dz_y there, (N,); entries that are not positive have no logarithm and are left out.
    """
    p, pull = np.asarray(p_true, np.float64), np.asarray(gradient, np.float64)
    positive = pull > 0
    if positive.sum() < 2:
        return float("nan")
    return float(np.polyfit(np.log10(p[positive]), np.log10(pull[positive]), 1)[0])


def _cross_entropy(y: Array, z: Array, p: Array) -> Array:
    return p - y


def _squared_error(y: Array, z: Array, p: Array) -> Array:
    return 2 * p * ((p - y) - np.sum(p * (p - y), axis=-1, keepdims=True))


def _mean_squared_error(y: Array, z: Array, p: Array) -> Array:
    return _squared_error(y, z, p) / y.shape[-1]


def _logit_squared_error(
    y: Array, z: Array, p: Array, true_class_weight: float = 1.0, target_scale: float = 1.0
) -> Array:
    return 2 / y.shape[-1] * (1 + (true_class_weight - 1) * y) * (z - target_scale * y)


def _smoothed_cross_entropy(y: Array, z: Array, p: Array, label_smoothing: float = 0.1) -> Array:
    return p - (1 - label_smoothing) * y - label_smoothing / y.shape[-1]


def _focal(y: Array, z: Array, p: Array, gamma: float = 2.0) -> Array:
    p_true = np.sum(p * y, axis=-1, keepdims=True)
    tiny = np.finfo(np.float64).tiny  # in place of 0, whose logarithm or power would be infinite, times 0
    rest = np.maximum(1 - p_true, tiny)
    scale = gamma * p_true * rest ** (gamma - 1) * np.log(np.maximum(p_true, tiny)) - rest**gamma
    return scale * (y - p)


def _squentropy(y: Array, z: Array, p: Array) -> Array:
    return p - y + 2 * (1 - y) * z / (y.shape[-1] - 1)


# Colours: Okabe & Ito, told apart by every kind of colour vision; two more where these end. The dashes of builtin_ce
# let softmax_ce show through where the two coincide.
LOSSES = {
    "softmax_ce": LossFacts(_cross_entropy, "#0072B2", ce_over_loss=lambda k: 1.0),
    "builtin_ce": LossFacts(_cross_entropy, "#56B4E9", (0, (3, 2)), ce_over_loss=lambda k: 1.0),
    "mse": LossFacts(_squared_error, "#D55E00", ce_over_loss=lambda k: k / 2),
    "mse_mean": LossFacts(_mean_squared_error, "#E69F00", "-.", ce_over_loss=lambda k: k**2 / 2),
    "mse_logits": LossFacts(_logit_squared_error, "#009E73", (0, (1, 1)), trains_probabilities=False),
    "mse_logits_rescaled": LossFacts(
        partial(_logit_squared_error, true_class_weight=5.0, target_scale=15.0),
        "#999933",
        (0, (3, 1, 1, 1)),
        trains_probabilities=False,
    ),
    "label_smoothing_ce": LossFacts(_smoothed_cross_entropy, "#CC79A7"),
    "focal": LossFacts(_focal, "#000000"),
    "squentropy": LossFacts(_squentropy, "#8C564B", "--"),
}


def by_gradient(losses: Iterable[str]) -> list[list[str]]:
    """The losses in their order, several names of one loss together."""
    together: dict[object, list[str]] = {}
    for loss in losses:
        facts = LOSSES.get(loss)
        together.setdefault(facts.gradient if facts else loss, []).append(loss)
    return list(together.values())
