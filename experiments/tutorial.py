"""The source tutorial's own numbers, computed again. Reads no runs.

Command: python report.py tutorial
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.special import softmax

from ce_harness import metrics
from ce_harness.report.study import Evidence, Study, Table
from ce_harness.startup import import_tensorflow

LOGITS = np.array([2.0, 1.0, 0.1])
PREDICTION = np.array([[0.7, 0.2, 0.1]])
EPSILON = 1e-15
# What two networks give the true class of three images, out of two classes; the true class is listed first.
NETWORKS = {"NN1": np.array([0.9, 0.9, 0.4]), "NN2": np.array([0.6, 0.7, 0.1])}
TRUE_CLASS = np.zeros(3, dtype=int)


def softmax_example(_: Evidence) -> Table:
    frame = pd.DataFrame({"logit": LOGITS, "probability": softmax(LOGITS)})
    shown = frame.assign(probability=frame["probability"].map("{:.8f}".format)).astype(str)
    return Table("Softmax of three logits", frame, shown)


def cross_entropy_example(_: Evidence) -> Table:
    import_tensorflow()  # only this table needs it
    from ce_harness.losses import softmax_cross_entropy

    values = {
        "ce_harness.metrics.nll, on probabilities": metrics.nll(np.array([0]), PREDICTION),
        "ce_harness.losses.softmax_cross_entropy, on logits ln p": float(
            softmax_cross_entropy(np.array([0]), np.log(PREDICTION))[0]
        ),
        f"the tutorial's code, log(p + {EPSILON:g})": -math.log(PREDICTION[0, 0] + EPSILON),
    }
    frame = pd.DataFrame({"computed by": list(values), "cross-entropy (nats)": list(values.values())})
    return Table(
        "Cross-entropy of [0.7, 0.2, 0.1] against class 0",
        frame,
        frame.assign(**{"cross-entropy (nats)": [repr(value) for value in values.values()]}),
        (
            "The tutorial prints 0.35667494393873245, which is -ln 0.7 in float64. The epsilon in its own "
            "code moves the last digits; ours has none. From logits, the loss is a difference of two rounded "
            "numbers: it agrees to within 2e-16.",
        ),
        digits=None,
    )


def predictions(_: Evidence) -> Table:
    frame = pd.DataFrame({"image": [1, 2, 3]})
    for name, p_true in NETWORKS.items():
        frame[f"{name} p(true)"] = p_true
        frame[f"{name} p(other)"] = 1 - p_true
        frame[f"{name} is"] = np.where(p_true > 0.5, "right", "wrong")
    return Table("Predictions of two networks for three images of two classes", frame)


def three_metrics(_: Evidence) -> Table:
    scores = {
        "classification error": (metrics.error, "{:.0%}"),
        "MSE: sum over classes, mean over images (Brier score)": (metrics.brier, "{:.0%}"),
        "MSE: mean over classes too (Keras)": (metrics.mse_mean, "{:.0%}"),
        "cross-entropy (nats)": (metrics.nll, "{:.2f}"),
    }
    rows, shown = [], []
    for label, (score, digits) in scores.items():
        row, line = {"metric": label}, {"metric": label}
        for name, p_true in NETWORKS.items():
            row[name] = score(TRUE_CLASS, np.column_stack([p_true, 1 - p_true]))
            line[name] = digits.format(row[name])
        rows.append(row)
        shown.append(line | {f"{name}, in full": f"{row[name]:.16g}" for name in NETWORKS})
    return Table(
        "Equal error, different MSE and cross-entropy",
        pd.DataFrame(rows),
        pd.DataFrame(shown),
        (
            "The tutorial's 25% and 71% sum the squared error over classes. Keras's MeanSquaredError also "
            "takes the mean over the two classes, which halves them.",
            "Both MSE and cross-entropy tell NN1 from NN2, which err equally often.",
            "The whole tutorial, line by line, with trained networks: docs/tutorial.ipynb.",
        ),
    )


STUDY = Study(
    question="Do the source tutorial's own numbers come out?",
    tables={
        "softmax": softmax_example,
        "cross_entropy": cross_entropy_example,
        "predictions": predictions,
        "three_metrics": three_metrics,
    },
)
