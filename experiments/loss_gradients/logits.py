"""The gradient on the logits of one example: closed forms against automatic differentiation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from omegaconf import DictConfig, OmegaConf
from scipy import special

from ce_harness import places
from ce_harness.report.output import panels
from ce_harness.report.output.labels import built_in_labels
from ce_harness.report.output.style import COLUMN_WIDTH, logarithmic, loss_styles, new_figure
from ce_harness.report.study import Evidence, Table
from ce_harness.startup import import_tensorflow
from ce_harness.theory import LOSSES, by_gradient, logit_gradient

NUM_CLASSES = (2, 10)
TARGET_BEYOND = "mse_logits_rescaled"  # its gradient is that of a far target wherever the figures look


def uniform_start(_: Evidence) -> Table:
    """Norms at equal logits, and how much larger cross-entropy's is."""
    rows = []
    for num_classes in (*NUM_CLASSES, 100):
        start = np.zeros((1, num_classes))
        for loss in LOSSES:
            rows.append(
                {
                    "classes": num_classes,
                    "loss": loss,
                    "norm, closed form": _closed_form(loss, start)[0],
                    "norm, automatic": _automatic(loss, start)[0],
                    "CE / loss": _closed_form("softmax_ce", start)[0] / _closed_form(loss, start)[0],
                }
            )
    frame = pd.DataFrame(rows)
    shown = frame.assign(
        loss=frame["loss"].map(built_in_labels()),
        **{column: frame[column].map("{:.4g}".format) for column in frame.columns if column not in ("classes", "loss")},
    )
    return Table(
        "Norm of the gradient on the logits at a uniform prediction",
        frame,
        shown,
        (
            "Scale: here cross-entropy's gradient is K/2 times that of MSE (sum) and K^2/2 times that of MSE (mean), "
            "in the same direction. A constant factor is a choice of units: the learning rate absorbs it.",
        ),
    )


def saturation(_: Evidence) -> Table:
    """Cross-entropy and squared error as a two-class prediction goes from undecided to confidently wrong."""
    p_true = np.array([0.5, 0.1, 0.01, 1e-4])
    logits = np.log(np.stack([p_true, 1 - p_true], axis=-1))
    frame = pd.DataFrame({"p of true class": p_true})
    for loss in ("softmax_ce", "mse"):
        frame[loss] = _closed_form(loss, logits)
    frame["CE / MSE"] = frame["softmax_ce"] / frame["mse"]
    shown = frame.assign(
        **{
            "p of true class": frame["p of true class"].map("{:g}".format),
            "softmax_ce": frame["softmax_ce"].map("{:.4f}".format),
            "mse": frame["mse"].map("{:.6f}".format),
            "CE / MSE": frame["CE / MSE"].map("{:.4g}".format),
        }
    )
    return Table(
        "Norm of the gradient on the logits of a confidently wrong prediction (the rest on one wrong class)",
        frame,
        shown,
        (
            "Saturation: with two classes the scale is 1, so all of this ratio is saturation. The norm of "
            "cross-entropy tends to sqrt(2), that of squared error to 0; no learning rate makes up for a "
            "ratio that depends on the example. Further classes of probability 0 change nothing.",
        ),
    )


def norms(_: Evidence) -> Figure:
    """Norm against the true class's probability: closed forms as lines, differentiation as points.

    Two names of one loss are one line. Left out: MSE on logits, rescaled, whose target of 15 lies beyond these logits.
    """
    p_true = special.expit(np.linspace(special.logit(1e-4), special.logit(0.99), 241))
    fig = new_figure(COLUMN_WIDTH, 5.9)
    axes = fig.subplots(len(NUM_CLASSES), 1, sharex=True, sharey=True)
    styles = loss_styles(list(LOSSES))
    smoothing = _config("label_smoothing_ce").label_smoothing
    for ax, num_classes in zip(axes, NUM_CLASSES, strict=True):
        logits = spread_evenly(p_true, num_classes)
        line = np.union1d(p_true, 1 - smoothing + smoothing / num_classes)  # label smoothing's gradient is 0 there
        for losses in by_gradient(LOSSES):
            if losses[0] == TARGET_BEYOND:
                continue
            order = 3 if "softmax_ce" in losses else 2  # what all others are compared with is on top
            norm = _closed_form(losses[0], spread_evenly(line, num_classes))
            ax.plot(line, norm, label=named(losses), zorder=order, **styles[losses[0]])
            for loss in losses:
                some = slice(3 * list(LOSSES).index(loss) + 5, None, 30)
                points = _automatic(loss, logits[some])
                ax.plot(p_true[some], points, "o", color=styles[loss]["color"], markersize=2.5, zorder=order)
        ax.plot([], [], "o", color="#555555", markersize=2.5, label="autodiff")
        ax.axvline(1 / num_classes, color="#555555", linewidth=0.8, linestyle=":")
        ax.set_title(f"{num_classes} classes, logits of mean 0; dotted: uniform", loc="left")
        ax.set_ylabel("gradient norm on the logits")
        ax.set_xscale("logit")
        logarithmic(ax.yaxis)
        ax.set_xlim(p_true[0], p_true[-1])
        ax.set_ylim(1e-4, 10)
    ticks = [1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.99]
    axes[-1].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes[-1].set_xlabel("probability of the true class, the rest spread evenly")
    panels.legend(fig)
    return fig


def named(losses: Sequence[str]) -> str:
    """What a line of several names of one loss is called."""
    return " = ".join(built_in_labels()[loss] for loss in losses)


def spread_evenly(p_true: np.ndarray, num_classes: int) -> np.ndarray:
    """Logits of mean 0 that give the first class p_true and all others the same."""
    t = special.logit(p_true) + np.log(num_classes - 1)
    return np.column_stack([t, *[np.zeros_like(t)] * (num_classes - 1)]) - t[:, None] / num_classes


def automatic_gradient(loss: str, logits: np.ndarray) -> np.ndarray:
    """The gradient of the Keras loss of conf/loss, in float64, where the first class is the true one; (N, K)."""
    import_tensorflow()
    import tensorflow as tf
    from hydra.utils import instantiate

    options = {key: value for key, value in _config(loss).items() if key not in ("name", "label")}
    keras_loss = instantiate(options, reduction="sum", dtype="float64")
    z = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = keras_loss(tf.constant(_first_class(logits)), z)
    return tape.gradient(value, z).numpy()


def _first_class(logits: np.ndarray) -> np.ndarray:
    return np.eye(logits.shape[-1])[np.zeros(len(logits), int)]


def _closed_form(loss: str, logits: np.ndarray) -> np.ndarray:
    return np.linalg.norm(logit_gradient(loss, _first_class(logits), logits), axis=-1)


def _automatic(loss: str, logits: np.ndarray) -> np.ndarray:
    return np.linalg.norm(automatic_gradient(loss, logits), axis=-1)


def _config(loss: str) -> DictConfig:
    return OmegaConf.load(places.conf() / "loss" / f"{loss}.yaml")
