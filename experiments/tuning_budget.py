"""How much does it cost to tune each loss? Random search over five decades of the learning rate.

Runs:    python run.py -m experiment=tuning_budget
Command: python report.py tuning_budget
Planned: 1,200 runs, 60 trials of each loss in each setting. 4 to 22 core-seconds a run: four core-hours.

A trial is a seed with a learning rate of its own. The answer is the expected test accuracy of the best of k trials,
chosen on validation (Dodge et al. 2019, arXiv 1909.03004). Beside it stands the share of trials that fail. All losses
get the same trials, two names of cross-entropy among them: how far these end apart is the noise floor.
"""

from __future__ import annotations

from collections.abc import Mapping

from ce_harness.report.output.budget import budget_curves, tuning_budget
from ce_harness.report.study import Claim, Study
from ce_harness.sweep.draws import drawn

TRIALS = range(60)
RATES = {seed: drawn("learning_rate", seed, 1e-5, 1, log=True) for seed in TRIALS}

CLAIMS = (
    *(
        claim
        for second in ("mse", "mse_logits", "squentropy")
        for claim in (
            Claim(f"The best of 3 trials is more accurate with cross-entropy than with {second}", "best_of/3",
                  "softmax_ce", second, relation="greater", margin=0.005),
            Claim(f"The best of 10 trials is more accurate with cross-entropy than with {second}", "best_of/10",
                  "softmax_ce", second, relation="greater", margin=0.005),
            Claim(f"Fewer trials fail with cross-entropy than with {second}", "failed", "softmax_ce", second,
                  relation="less", margin=0.05),
        )
    ),
    Claim("Our cross-entropy equals TensorFlow's", "best_of/10", "softmax_ce", "builtin_ce", relation="equal",
          margin=0.005),
)  # fmt: skip


def planned(cell: Mapping[str, object]) -> bool:
    """Each seed at the rate drawn for it."""
    return cell["learning_rate"] == RATES[cell["seed"]]


STUDY = Study(
    question="How many trials of the learning rate does each loss need?",
    reads={
        "dataset": ["digits", "fashion_mnist"],
        "model": ["lenet5"],
        "optimizer": ["sgd", "adam"],
        "loss": ["softmax_ce", "builtin_ce", "mse", "mse_logits", "squentropy"],
        "learning_rate": sorted(RATES.values()),
        "seed": TRIALS,
    },
    where=planned,
    random_search=True,
    control=("softmax_ce", "builtin_ce"),
    claims=CLAIMS,
    tables={"tuning_budget": tuning_budget},
    figures={"budget_curves": budget_curves},
)
