"""What several settings say together: the mean over them, one more setting, and whether they disagree."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ce_harness.report.study import Table
from ce_harness.report.verdicts.over_settings import interaction_p, over_settings
from ce_harness.report.verdicts.paired_tests import ALPHA

REPEATS = 1_000
PAIRS = 10
NUMBERS = (2, 3, 6, 18, 30)
# Standard deviation of the settings' true differences, in those of a pair: alike, unlike, and a few far out.
UNLIKE = {"alike": 0.0, "unlike": 1.0, "a tenth far out": 5.0}


def settings() -> Table:
    """Level and power of the mean over settings, and coverage of its interval and of that of one more setting."""
    rows = []
    for case, spread in UNLIKE.items():
        for k in NUMBERS:
            row: dict[str, object] = {"settings": case, "number": k}
            for name, mean in (("level", 0.0), ("power at 1 sd", 1.0)):
                rng = np.random.default_rng([k, int(spread)])
                judged, covers, predicts = [], [], []
                for _ in range(REPEATS):
                    truths = mean + _spread(rng, spread, k + 1)
                    over = over_settings(*_measured(rng, truths[:k]))
                    judged.append(over.p < ALPHA)
                    covers.append(over.low <= mean <= over.high)
                    predicts.append(over.predicted_low <= truths[k] <= over.predicted_high)
                row |= {name: np.mean(judged)}
            rows.append(row | {"mean covered": np.mean(covers), "next covered": np.mean(predicts) if k > 2 else np.nan})
    frame = pd.DataFrame(rows)
    shown = frame.assign(
        **{name: ["-" if np.isnan(share) else f"{share:.1%}" for share in frame[name]] for name in frame.columns[2:]}
    )
    note = (
        f"{REPEATS:,} simulations a line, {PAIRS} pairs in each setting. Unlike: true differences vary with the "
        "standard deviation of a pair. A tenth far out: one in ten varies with five of these, the others not at all."
    )
    return Table("Several settings: level, power and coverage", frame, shown, (note,))


def disagreement() -> Table:
    """How often the test of qualitative interaction says "depends"."""
    cases = {
        "no difference anywhere": lambda k: [0.0] * k,
        "one large difference, the others none": lambda k: [9.0] + [0.0] * (k - 1),
        "the same sign everywhere": lambda k: [1.0] * k,
        "one on each side (1.3 sd), the others none": lambda k: [1.3, -1.3] + [0.0] * (k - 2),
        "one on each side (2 sd), the others none": lambda k: [2.0, -2.0] + [0.0] * (k - 2),
        "half on each side (1 sd)": lambda k: [1.0] * (k // 2) + [-1.0] * (k - k // 2),
    }
    rows = []
    for case, truths in cases.items():
        row: dict[str, object] = {"truth": case}
        for k in NUMBERS:
            rng = np.random.default_rng(k)
            df = np.full(k, PAIRS - 1)
            drawn = [interaction_p(*_measured(rng, np.array(truths(k))), df) < ALPHA for _ in range(REPEATS)]
            row[f"{k} settings"] = np.mean(drawn)
        rows.append(row)
    frame = pd.DataFrame(rows)
    shown = frame.assign(**{name: frame[name].map("{:.1%}".format) for name in frame.columns[1:]})
    note = (
        f"{REPEATS:,} simulations an entry, {PAIRS} pairs in each setting. The first three lines are to stay below 5%."
    )
    return Table("Settings that disagree: how often the verdict is depends", frame, shown, (note,))


def _spread(rng: np.random.Generator, spread: float, k: int) -> np.ndarray:
    drawn = rng.normal(0, spread, k)
    return drawn * (rng.random(k) < 0.1) if spread > 1 else drawn


def _measured(rng: np.random.Generator, truths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each setting's pairs, and its squared standard error."""
    pairs = rng.normal(truths[:, np.newaxis], 1, (len(truths), PAIRS))
    return pairs.mean(axis=1), pairs.var(axis=1, ddof=1) / PAIRS
