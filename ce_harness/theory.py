"""The gradients of the losses on the logits, in closed form and in NumPy: the theory the code is held to."""

from __future__ import annotations

import numpy as np


def logit_gradient(loss: str, labels, logits, **options) -> np.ndarray:
    """Returns d loss / d logits per example, in float64, with p = softmax(z).

    | loss | gradient |
    |---|---|
    | ``softmax_ce`` | ``p - y`` |
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
    labels, logits = np.asarray(labels, np.float64), np.asarray(logits, np.float64)
    if labels.shape != logits.shape:
        raise ValueError(f"labels must have the shape of the logits: labels {labels.shape}, logits {logits.shape}")
    exp = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return _GRADIENTS[loss](labels, logits, exp / exp.sum(axis=-1, keepdims=True), **options)


def _softmax_ce(y, z, p):
    return p - y


def _mse(y, z, p):
    return 2 * p * ((p - y) - np.sum(p * (p - y), axis=-1, keepdims=True))


def _mse_mean(y, z, p):
    return _mse(y, z, p) / y.shape[-1]


def _mse_logits(y, z, p, true_class_weight=1.0, target_scale=1.0):
    return 2 / y.shape[-1] * (1 + (true_class_weight - 1) * y) * (z - target_scale * y)


def _label_smoothing_ce(y, z, p, label_smoothing=0.1):
    return p - (1 - label_smoothing) * y - label_smoothing / y.shape[-1]


def _focal(y, z, p, gamma=2.0):
    p_true = np.sum(p * y, axis=-1, keepdims=True)
    tiny = np.finfo(np.float64).tiny  # in place of 0, whose logarithm or power would be infinite, times 0
    rest = np.maximum(1 - p_true, tiny)
    scale = gamma * p_true * rest ** (gamma - 1) * np.log(np.maximum(p_true, tiny)) - rest**gamma
    return scale * (y - p)


def _squentropy(y, z, p):
    return p - y + 2 * (1 - y) * z / (y.shape[-1] - 1)


_GRADIENTS = {
    "softmax_ce": _softmax_ce,
    "mse": _mse,
    "mse_mean": _mse_mean,
    "mse_logits": _mse_logits,
    "label_smoothing_ce": _label_smoothing_ce,
    "focal": _focal,
    "squentropy": _squentropy,
}
