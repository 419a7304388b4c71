"""Is the harness a fair judge? Its networks must be as accurate as those that others have trained.

Runs:    python run.py -m experiment=two_convolutions
Command: python report.py two_convolutions
"""

from __future__ import annotations

import pandas as pd

from ce_harness.report.output.figures import learning_curves
from ce_harness.report.output.formats import NOTHING, with_interval
from ce_harness.report.output.tables import comparison
from ce_harness.report.study import Evidence, Study, Table
from ce_harness.report.verdicts.intervals import summarize

OURS = "this harness"
# Networks of two convolutions in the benchmark table of github.com/zalandoresearch/fashion-mnist, as submitted there,
# not checked by its keepers. Those with augmentation or batch normalisation, which ours lack, are left out.
PUBLISHED = (
    ("2 Conv + pooling (K. Rasul)", None, 0.876),
    ("2 Conv + pooling + ELU (A. Hinge)", None, 0.903),
    ("2 Conv + pooling (TensorFlow's tutorial)", None, 0.916),
    ("2 Conv, normalisation (A. G.)", "113K", 0.922),
    ("2 Conv (hardmaru)", "< 100K", 0.925),
    ("2 Conv + 3 FC, normalisation (Xfan1025)", "1.8M", 0.932),
)


def beside_published(evidence: Evidence) -> Table:
    """Test accuracy of networks of two convolutions, theirs and ours."""
    rows = [{"network": name, "parameters": size, "accuracy": score} for name, size, score in PUBLISHED]
    shown = [{**row, "accuracy": f"{row['accuracy']:.3f}", "parameters": row["parameters"] or NOTHING} for row in rows]
    for loss, runs in evidence.runs.groupby("loss", sort=False):
        found = summarize(runs["test/accuracy"])
        ours = {"network": f"{OURS}, convnet, {loss}", "parameters": "35K"}
        rows.append(ours | {"accuracy": found.mean, "ci_low": found.low, "ci_high": found.high, "n": found.n})
        shown.append(ours | {"accuracy": with_interval(found)})
    return Table(
        "Fashion-MNIST: test accuracy of networks of two convolutions",
        pd.DataFrame(rows),
        pd.DataFrame(shown),
        ("Theirs: best known single figures, mostly without a seed or a spread. Ours: mean of 3 seeds ± half of the "
         "95% t interval; 10 epochs of Adam at 0.001, no tuning, no augmentation.",),
    )  # fmt: skip


STUDY = Study(
    question="Are our networks as accurate on Fashion-MNIST as the two-convolution networks that others published?",
    reads={"dataset": ["fashion_mnist"], "model": ["convnet"], "loss": ["softmax_ce", "mse"], "seed": range(3)},
    tables={"beside_published": beside_published, "comparison": comparison},
    figures={"learning_curves": learning_curves},
)
