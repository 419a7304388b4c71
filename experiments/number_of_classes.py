"""Does MSE fall behind cross-entropy as the classes grow? The same images, in 2 to 1,000 classes.

Runs:    python report.py number_of_classes --missing | sh    (5 seeds at every rate; once more: 10 at the chosen ones)
Command: python report.py number_of_classes
Planned: 840 tuning runs and 280 at the chosen rates. About 12 core-seconds a run, 20 with 1,000 classes: four
core-hours.

Three handwritten digits side by side are a number below 1,000. Numbers are grouped into K classes, so that K alone
changes. With 1,000 classes fewer losses are trained. Demirkaya et al. 2020 (CISS) find that MSE falls behind as K
grows, and that a larger weight of the true class mends it. Hui & Belkin 2021 (arXiv 2006.07322) rescale the targets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from ce_harness.report.output.figures import differences, learning_curves
from ce_harness.report.output.learning_rates import accuracy_by_rate
from ce_harness.report.output.literature import Finding, literature
from ce_harness.report.output.tables import comparison, paired_differences
from ce_harness.report.study import Claim, Evidence, Study, Table
from ce_harness.report.verdicts.outcomes import LEARNED
from ce_harness.report.verdicts.tuning import CHOSEN_BY, choose

CLASSES = [2, 5, 10, 100, 1000]
# Half decades, as many for every loss. At a uniform prediction the gradient of mse is K / 2 times smaller than that of
# cross-entropy; where predictions are good it is not. So its rates lie between equal rates and equal first steps. A
# pilot of another seed found no rate from 1 to 100 at which mse learns 1,000 classes in 20 epochs.
AROUND_CE = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
RATES_OF_CE = dict.fromkeys(CLASSES, AROUND_CE)
RATES_OF_MSE = {k: tuple(float(f"{rate * math.sqrt(k / 2):.2g}") for rate in AROUND_CE) for k in CLASSES}
RATES = {
    "softmax_ce": RATES_OF_CE,
    "builtin_ce": RATES_OF_CE,
    "mse": RATES_OF_MSE,
    "mse_logits": RATES_OF_CE,
    "mse_logits_rescaled": dict.fromkeys(CLASSES, (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03)),
    "squentropy": RATES_OF_CE,
}
MOST = 1000  # classes, which not every loss is tried at
AT_MOST = ("softmax_ce", "builtin_ce", "mse", "mse_logits_rescaled")
K = "dataset.num_classes"
TOLERANCE = 0.25  # of the exponent
RESAMPLES = 100

CLAIMS = (
    Claim("The gap in accuracy between cross-entropy and MSE grows with the number of classes", "test/accuracy",
          "softmax_ce", "mse", relation="greater", margin=0.01, along=K),
    Claim("Of two classes, cross-entropy and MSE are equally accurate", "test/accuracy", "softmax_ce", "mse",
          relation="equal", margin=0.005, within={K: 2}),
    Claim("Cross-entropy is more accurate than MSE", "test/accuracy", "softmax_ce", "mse", relation="greater",
          margin=0.005),
    Claim("Cross-entropy is more accurate than MSE on logits", "test/accuracy", "softmax_ce", "mse_logits",
          relation="greater", margin=0.005),
    Claim("Rescaling makes MSE on logits more accurate", "test/accuracy", "mse_logits_rescaled", "mse_logits",
          relation="greater", margin=0.005),
    Claim("Cross-entropy is more accurate than squentropy", "test/accuracy", "softmax_ce", "squentropy",
          relation="greater", margin=0.005),
    Claim("Our cross-entropy equals TensorFlow's", "test/accuracy", "softmax_ce", "builtin_ce", relation="equal",
          margin=0.005),
)  # fmt: skip


FINDINGS = (
    Finding(
        "Demirkaya et al. 2020, CISS",
        "CIFAR-100 and fewer classes of it, squared error",
        "squared error falls behind as the classes grow",
        Claim("MSE on logits falls behind", "test/accuracy", "softmax_ce", "mse_logits", relation="greater",
              margin=0.01, along=K),
    ),
    Finding(
        "Demirkaya et al. 2020, CISS; Hui & Belkin 2021, arXiv 2006.07322",
        "many classes, a larger weight and target of the true class",
        "rescaling makes up for what squared error lacks",
        Claim("rescaling helps", "test/accuracy", "mse_logits_rescaled", "mse_logits", relation="greater",
              margin=0.005),
        {K: 100},
    ),
    Finding(
        "Hui, Belkin & Wright 2023, arXiv 2302.03952",
        "squentropy, vision and language",
        "more accurate than cross-entropy on most tasks",
        Claim("squentropy ahead of CE", "test/accuracy", "squentropy", "softmax_ce", relation="greater", margin=0.005),
    ),
)  # fmt: skip


def planned(cell: Mapping[str, object]) -> bool:
    """Each loss at its own rates for so many classes."""
    classes, loss = int(str(cell[K])), str(cell["loss"])
    return cell["learning_rate"] in RATES[loss][classes] and (classes < MOST or loss in AT_MOST)


def growth_of_rates(evidence: Evidence) -> Table:
    """The exponent of K that the best rate of MSE over that of cross-entropy grows with, and whether it is 1."""
    tuning = evidence.tuning[evidence.tuning["loss"].isin(["softmax_ce", "mse"])]
    slope = _exponent(tuning)
    seeds, rng = tuning["seed"].unique(), np.random.default_rng(0)
    slopes = []
    for drawn in rng.choice(seeds, (RESAMPLES, len(seeds))):
        slopes.append(_exponent(pd.concat([tuning[tuning["seed"] == seed] for seed in drawn])))
    low, high = np.nanquantile(slopes, (0.025, 0.975))
    inside, outside = low >= 1 - TOLERANCE and high <= 1 + TOLERANCE, high < 1 - TOLERANCE or low > 1 + TOLERANCE
    verdict = "supported" if inside else "contradicted" if outside else "inconclusive"
    frame = pd.DataFrame(
        [{"claim": "The best rate of MSE over that of cross-entropy grows like K", "verdict": verdict}
         | {"exponent": slope, "ci_low": low, "ci_high": high}]
    )  # fmt: skip
    note = (
        f"Slope of the logarithm of the ratio of the chosen rates over that of K. Interval: 95%, of {RESAMPLES} "
        f"resamples of the tuning seeds. Supported if it lies within 1 +- {TOLERANCE:g}, contradicted if outside. At a "
        "uniform prediction the gradient of cross-entropy on the logits is K / 2 times that of MSE. Numbers of classes "
        "at which one of the two learns at no rate are left out."
    )
    return Table("How the best learning rate grows with the classes", frame, notes=(note,))


def _exponent(tuning: pd.DataFrame) -> float:
    """NaN where fewer than two numbers of classes have a rate at which both losses learn."""
    chosen = choose(tuning, [K, "loss"])
    chance = 1 / chosen[K].astype(float)
    learned = chosen[chosen[CHOSEN_BY] > chance + LEARNED * (1 - chance)]
    rates = learned.pivot(index=K, columns="loss", values="learning_rate").dropna()
    if rates.shape != (len(rates), 2) or len(rates) < 2:
        return math.nan
    ratio = np.log10((rates["mse"] / rates["softmax_ce"]).to_numpy(dtype=float))
    return float(np.polyfit(np.log10(rates.index.astype(float)), ratio, 1)[0])


STUDY = Study(
    question="With more classes, does softmax + cross-entropy pull ahead of MSE?",
    reads={
        "dataset": ["digit_strings"],
        "model": ["lenet5"],
        "optimizer": ["sgd"],
        K: CLASSES,
        "loss": list(RATES),
        "learning_rate": sorted({rate for rates in RATES.values() for some in rates.values() for rate in some}),
        "seed": range(5, 15),
    },
    where=planned,
    tuning_seeds=range(5),
    control=("softmax_ce", "builtin_ce"),
    apart=K,
    claims=CLAIMS,
    tables={
        "growth_of_rates": growth_of_rates,
        "comparison": comparison,
        "paired_differences": partial(paired_differences, reference="softmax_ce"),
        "literature": partial(literature, findings=FINDINGS),
    },
    figures={
        "accuracy_by_rate": accuracy_by_rate,
        "differences": partial(
            differences, reference="softmax_ce", metrics=("test/accuracy", "test/nll_calibrated"), claims=CLAIMS
        ),
        "learning_curves": learning_curves,
    },
)
