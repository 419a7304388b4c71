"""Two names of one loss, tuned apart: how often is their difference called real?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ce_harness.report.study import Claim, Evidence, Table
from ce_harness.report.verdicts.claims import VERDICTS, judge_overall
from ce_harness.report.verdicts.rates import at_best_rates

REPEATS = 100
RATES = np.array([0.01, 0.03, 0.1, 0.3])
SEEDS, CLASSES = 10, 10
LOSSES = ("softmax_ce", "builtin_ce", "mse")
CLAIM = Claim("softmax_ce is more accurate", "test/accuracy", "softmax_ce", "mse", "greater", margin=0.005)
# Mean accuracy of cross-entropy and of mse at each rate, noise of a run, share of mse's runs that diverge.
TRUTHS = {
    "equal, two rates .02 apart": ([0.80, 0.90, 0.92, 0.80], 0.0, 0.02, 0.0),
    "equal, two rates as good": ([0.80, 0.92, 0.92, 0.80], 0.0, 0.02, 0.0),
    "better by .001": ([0.80, 0.90, 0.93, 0.80], -0.001, 0.003, 0.0),
    "better by .03": ([0.80, 0.88, 0.92, 0.80], -0.03, 0.01, 0.0),
    "equal, a fifth of mse fails": ([0.80, 0.88, 0.92, 0.80], 0.0, 0.005, 0.2),
}


def tuning() -> Table:
    """Share of each verdict, by the number of tuning seeds, with the intervals and the noise floor of a control."""
    rows = []
    for truth, facts in TRUTHS.items():
        for tuning_seeds in (3, 5, 10):
            for control in (None, LOSSES[:2]):
                rng = np.random.default_rng(tuning_seeds)
                verdicts = [verdict_of(rng, *facts, tuning_seeds, control) for _ in range(REPEATS)]
                shares = pd.Series(verdicts).value_counts(normalize=True)
                rows.append(
                    {"truth": truth, "tuning seeds": tuning_seeds, "control": "yes" if control else "no"}
                    | {name: shares.get(name, 0.0) for name in VERDICTS if name != "depends"}
                )
    frame = pd.DataFrame(rows)
    shown = frame.assign(**{name: frame[name].map("{:.1%}".format) for name in frame.columns[3:]})
    note = (
        f"{REPEATS} studies a line: {len(RATES)} rates, {SEEDS} seeds at the chosen one, a margin of {CLAIM.margin:g}. "
        "Where a fifth of mse's runs fail, cross-entropy is the better loss by .16, and supported is right."
    )
    return Table("Tuned apart: the share of each verdict", frame, shown, (note,))


def verdict_of(
    rng: np.random.Generator,
    accuracies: list[float],
    mse_gains: float,
    noise: float,
    fails: float,
    tuning_seeds: int,
    control: tuple[str, str] | None,
) -> str:
    """Of one made-up study, whose truth is one of ``TRUTHS``."""
    runs = {"tuning": [], "final": []}
    for loss in LOSSES:
        means = np.array(accuracies) + (mse_gains if loss == "mse" else 0)
        for part, seeds in (("tuning", range(100, 100 + tuning_seeds)), ("final", range(SEEDS))):
            for rate, mean in zip(RATES, means, strict=True):
                for seed in seeds:
                    failed = loss == "mse" and rng.random() < fails
                    score = np.nan if failed else mean + rng.normal(0, noise)
                    status = "diverged" if failed else "complete"
                    runs[part].append(
                        {"run": f"{loss}-{rate}-{seed}", "loss": loss, "learning_rate": rate, "seed": seed}
                        | {"val/accuracy": score, "test/accuracy": score, "num_classes": CLASSES, "status": status}
                    )
    chosen = at_best_rates(Evidence(runs=pd.DataFrame(runs["final"]), tuning=pd.DataFrame(runs["tuning"])))
    return str(judge_overall([CLAIM], chosen, control=control)["verdict"].item())
