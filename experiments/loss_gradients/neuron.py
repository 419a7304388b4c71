"""One sigmoid neuron that has to unlearn: Nielsen, Neural Networks and Deep Learning (2015), chapter 3."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ce_harness.report.output.style import COLUMN_WIDTH, new_figure
from ce_harness.report.study import Evidence, Table
from ce_harness.theory import LOSSES

LEARNING_RATE = 0.15
STEPS = 300
# (weight, bias) at the start; the input is 1, the target 0.
STARTS = {"wrong": (0.6, 0.9), "very wrong": (2.0, 2.0)}
# Loss -> d loss / d z of the neuron's output p = sigmoid(z).
GRADIENTS = {
    "cross-entropy": lambda p: p,
    "squared error": lambda p: p * p * (1 - p),  # of (p - y)^2 / 2
}


def trajectory(loss: str, weight: float, bias: float) -> np.ndarray:
    """The outputs before each step and after the last, (STEPS + 1,)."""
    outputs = []
    for _ in range(STEPS + 1):
        outputs.append(1 / (1 + np.exp(-(weight + bias))))
        gradient = GRADIENTS[loss](outputs[-1])
        weight -= LEARNING_RATE * gradient
        bias -= LEARNING_RATE * gradient
    return np.array(outputs)


def outputs(_: Evidence) -> Table:
    rows = [
        {"loss": loss, "start": name, "weight": start[0], "bias": start[1]}
        | {f"output, step {step}": trajectory(loss, *start)[step] for step in (0, STEPS // 2, STEPS)}
        for loss in GRADIENTS
        for name, start in STARTS.items()
    ]
    frame = pd.DataFrame(rows)
    shown = frame.map(lambda value: f"{value:.4f}" if isinstance(value, float) else value)
    shown[["weight", "bias"]] = frame[["weight", "bias"]].map("{:g}".format)
    return Table(
        f"One sigmoid neuron, input 1, target 0, learning rate {LEARNING_RATE}",
        frame,
        shown,
        (
            "Squared error is (p - y)^2 / 2. Its gradient p^2 (1 - p) never exceeds 4/27, and vanishes for "
            "an output that is surely wrong; cross-entropy's is p.",
        ),
    )


def curves(_: Evidence) -> Figure:
    """The output of the neuron over steps, from a wrong and a very wrong start; the target is 0."""
    fig = new_figure(COLUMN_WIDTH, 2.4)
    ax = fig.subplots()
    colors = {"cross-entropy": LOSSES["softmax_ce"].color, "squared error": LOSSES["mse"].color}
    for loss, color in colors.items():
        for (name, start), dashes in zip(STARTS.items(), ("-", "--"), strict=True):
            output = trajectory(loss, *start)
            label = f"{loss}, {name} start ({output[0]:.2f}): {output[-1]:.4f}"
            ax.plot(output, color=color, linestyle=dashes, label=label)
    ax.set_xlabel("step")
    ax.set_ylabel("output (target 0)")
    ax.set_xlim(0, STEPS)
    ax.set_ylim(0, 1)
    title = "loss, start: output after the last step"
    fig.legend(loc="outside upper left", title=title, title_fontsize=7, alignment="left")
    return fig
