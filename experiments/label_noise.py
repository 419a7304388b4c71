"""Does squared error withstand wrong labels better than cross-entropy, and does stopping early make up for it?

Runs:    python report.py label_noise --missing | sh    (5 seeds at every rate; once more: 10 at the chosen ones)
Command: python report.py label_noise
Planned: 720 tuning runs and 360 at the chosen rates. About 6 core-seconds a run of digits and 24 of Fashion-MNIST:
four and a half core-hours.

Trained for 60 epochs, long enough to learn wrong labels by heart. The test set, which is clean, is scored at the last
epoch. In other runs it is the best epoch on validation, whose labels are as wrong as those of training. Rates are
chosen on validation at the epoch that is tested. Ghosh et al.
2017 and Zhang & Sabuncu 2018 (arXiv 1805.07836) expect MSE to be ahead at the last epoch. Feng et al. 2020 (IJCAI) cut
the series of cross-entropy short to the same end.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ce_harness.report.output.figures import differences, learning_curves
from ce_harness.report.output.learning_rates import accuracy_by_rate
from ce_harness.report.output.literature import Finding, literature
from ce_harness.report.output.tables import comparison, paired_differences
from ce_harness.report.study import Claim, Study

# Half decades around the best rates of LeNet-5 in the first edition of mse_vs_ce. Those of mse lie between equal rates
# and equal first steps, which are 5 times as large with ten classes (theory.py).
RATES = {
    "softmax_ce": (0.003, 0.01, 0.03, 0.1),
    "builtin_ce": (0.003, 0.01, 0.03, 0.1),
    "mse": (0.01, 0.03, 0.1, 0.3),
}
BEST_EPOCH = "early_stopping.restore_best_weights"  # whether the test set is scored at the best epoch

NOISE = "dataset.label_noise"
NOISIEST = 0.4

AHEAD_AT_THE_LAST_EPOCH = Claim(
    "At the last epoch MSE withstands 40% wrong labels better", "test/accuracy", "mse", "softmax_ce",
    relation="greater", margin=0.01, within={NOISE: NOISIEST, BEST_EPOCH: False},
)  # fmt: skip

CLAIMS = (
    AHEAD_AT_THE_LAST_EPOCH,
    Claim("At the best epoch both withstand 40% wrong labels equally", "test/accuracy", "mse", "softmax_ce",
          relation="equal", margin=0.01, within={NOISE: NOISIEST, BEST_EPOCH: True}),
    Claim("With 40% wrong labels, stopping at the best epoch takes MSE's lead away", "test/accuracy", "mse",
          "softmax_ce", relation="less", margin=0.01, within={NOISE: NOISIEST}, along=BEST_EPOCH),
    Claim("MSE is more accurate", "test/accuracy", "mse", "softmax_ce", relation="greater", margin=0.01),
    Claim("Our cross-entropy equals TensorFlow's", "test/accuracy", "softmax_ce", "builtin_ce", relation="equal",
          margin=0.01),
)  # fmt: skip


FINDINGS = (
    Finding(
        "Ghosh, Kumar & Sastry 2017, AAAI",
        "MNIST and others, labels wrong at random, trained to the end",
        "squared error withstands wrong labels better than cross-entropy, the absolute error better still",
        AHEAD_AT_THE_LAST_EPOCH,
        {NOISE: NOISIEST, BEST_EPOCH: False},
    ),
    Finding(
        "Feng et al. 2020, IJCAI",
        "MNIST and CIFAR, labels wrong at random",
        "cross-entropy's series cut short is bounded, and withstands wrong labels; squared error is bounded, too",
        AHEAD_AT_THE_LAST_EPOCH,
        {NOISE: NOISIEST, BEST_EPOCH: False},
    ),
    Finding(
        "Zhang & Sabuncu 2018, arXiv 1805.07836",
        "CIFAR and Fashion-MNIST, labels wrong at random",
        "with cross-entropy the test accuracy falls again as wrong labels are learned; its best epoch is far better",
        Claim("Cross-entropy gains more from stopping", "test/accuracy", "mse", "softmax_ce", relation="less",
              margin=0.01, along=BEST_EPOCH),
        {NOISE: NOISIEST},
    ),
)  # fmt: skip


def planned(cell: Mapping[str, object]) -> bool:
    """Each loss at its own rates."""
    return cell["learning_rate"] in RATES[str(cell["loss"])]


STUDY = Study(
    question="With wrong labels, which of softmax + cross-entropy and MSE is more accurate?",
    reads={
        "dataset": ["digits", "fashion_mnist"],
        "model": ["lenet5"],
        "optimizer": ["sgd"],
        NOISE: [0.0, 0.2, NOISIEST],
        BEST_EPOCH: [False, True],
        "loss": list(RATES),
        "learning_rate": sorted({rate for rates in RATES.values() for rate in rates}),
        "seed": range(5, 15),
    },
    where=planned,
    tuning_seeds=range(5),
    control=("softmax_ce", "builtin_ce"),
    apart=BEST_EPOCH,
    claims=CLAIMS,
    tables={
        "comparison": comparison,
        "paired_differences": partial(paired_differences, reference="softmax_ce"),
        "literature": partial(literature, findings=FINDINGS),
    },
    figures={
        "accuracy_by_rate": accuracy_by_rate,
        "learning_curves": learning_curves,
        "differences": partial(
            differences, reference="softmax_ce", metrics=("test/accuracy", "test/nll"), claims=CLAIMS
        ),
    },
)
