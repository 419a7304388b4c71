"""Cross-entropy is the labels' entropy plus what the prediction misses: CE = H(y) + KL(y || p)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.special import entr, rel_entr

from ce_harness.report.output.style import COLUMN_WIDTH, new_figure
from ce_harness.report.study import Evidence, Table
from ce_harness.theory import LOSSES

PREDICTION = np.array([0.5, 0.25, 0.25])
LABELS = {
    "one-hot": [1.0, 0.0, 0.0],
    "smoothed by 0.1": [1 - 0.1 * 2 / 3, 0.1 / 3, 0.1 / 3],
    "soft": [0.7, 0.2, 0.1],
    "the prediction itself": [0.5, 0.25, 0.25],
    "uniform": [1 / 3, 1 / 3, 1 / 3],
}
P_LABEL = 0.7


def decomposition(_: Evidence) -> Table:
    """Entropy and KL divergence by SciPy, cross-entropy by our function on logits ln p."""
    labels = np.array(list(LABELS.values()))
    nats = pd.DataFrame(
        {
            "H(y)": entr(labels).sum(axis=-1),
            "KL(y || p)": rel_entr(labels, PREDICTION).sum(axis=-1),
            "CE(y, p)": _cross_entropy(labels, np.tile(PREDICTION, (len(labels), 1))),
        }
    )
    nats["H + KL - CE"] = nats["H(y)"] + nats["KL(y || p)"] - nats["CE(y, p)"]
    in_nats = nats.add_suffix(", nats")
    in_bits = (nats[["H(y)", "KL(y || p)", "CE(y, p)"]] / np.log(2)).add_suffix(", bits")
    frame = pd.concat([pd.DataFrame({"labels": list(LABELS)}), in_nats, in_bits], axis=1)
    shown = frame.map(lambda value: f"{value:.4f}" if isinstance(value, float) else value)
    shown["H + KL - CE, nats"] = frame["H + KL - CE, nats"].map("{:.0e}".format)
    return Table(
        "Entropy, KL divergence and cross-entropy of labels y and prediction p = (1/2, 1/4, 1/4)",
        frame,
        shown,
        (
            "One-hot labels have no entropy: there cross-entropy is the divergence, and 0 can be reached. "
            "For soft labels the least loss is H(y), reached at p = y.",
        ),
    )


def areas(_: Evidence) -> Figure:
    """Two classes, label (0.7, 0.3): entropy, divergence on top of it, our cross-entropy as points."""
    p = np.linspace(0.01, 0.99, 197)
    label = np.array([P_LABEL, 1 - P_LABEL])
    prediction = np.column_stack([p, 1 - p])
    entropy = np.full_like(p, entr(label).sum() / np.log(2))
    divergence = rel_entr(label, prediction).sum(axis=-1) / np.log(2)
    cross_entropy = _cross_entropy(np.tile(label, (len(p), 1)), prediction) / np.log(2)

    fig = new_figure(COLUMN_WIDTH, 2.2)
    ax = fig.subplots()
    ax.stackplot(
        p,
        entropy,
        divergence,
        labels=["entropy H(y)", "divergence KL(y || p)"],
        colors=["#bdbdbd", "#c6dbef"],
    )
    ax.plot(
        p[::7],
        cross_entropy[::7],
        "o",
        color=LOSSES["softmax_ce"].color,
        label="cross-entropy, computed",
    )
    ax.axvline(P_LABEL, color="#555555", linewidth=0.8, linestyle=":")
    ax.annotate("p = y", (P_LABEL, 3.1), (4, 0), textcoords="offset points", fontsize=7, color="#555555")
    ax.set_xlabel(f"predicted probability of a class with label {P_LABEL}")
    ax.set_ylabel("bits")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 3.5)
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def _cross_entropy(labels: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    from ce_harness.losses import softmax_cross_entropy  # imports TensorFlow

    return softmax_cross_entropy(labels, np.log(prediction)).numpy()
