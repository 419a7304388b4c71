"""Whether an interval over seeds covers what another split of the same source would show."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ce_harness.report.study import Table
from ce_harness.report.verdicts.intervals import summarize

REPEATS = 1_000
SEEDS, SOURCE, TEST = 10, 1797, 450  # those of the digits
# Two losses are right on an image with these probabilities, and differ in some images more than in others.
HARD, AGREE = 0.1, 0.9


def splits() -> Table:
    """Coverage of the difference of two accuracies over all splits, by intervals over ten seeds."""
    rows = []
    for case in ("one split for all seeds", "a split for each seed"):
        rng = np.random.default_rng(0)
        covered = []
        for _ in range(REPEATS):
            # Chance of each loss on each image, over initial weights and training sets.
            base = np.where(rng.random(SOURCE) < HARD, rng.random(SOURCE), 1.0)
            chances = base, np.where(rng.random(SOURCE) < AGREE, base, np.clip(base + rng.normal(0, 0.3, SOURCE), 0, 1))
            truth = float(np.mean(chances[0] - chances[1]))
            once = rng.choice(SOURCE, TEST, replace=False)
            by_seed = []
            for _ in range(SEEDS):
                images = once if case.startswith("one") else rng.choice(SOURCE, TEST, replace=False)
                right = [rng.random(TEST) < chance[images] for chance in chances]
                by_seed.append(right[0].mean() - right[1].mean())
            interval = summarize(by_seed)
            covered.append(interval.low <= truth <= interval.high)
        rows.append({"case": case, "seeds": SEEDS, "test images": TEST, "interval covers": np.mean(covered)})
    frame = pd.DataFrame(rows)
    shown = frame.assign(**{"interval covers": frame["interval covers"].map("{:.1%}".format)})
    note = (
        f"{REPEATS:,} simulations a line: {SOURCE:,} images, of which the losses find a tenth hard and disagree on a "
        "tenth. Truth: the mean difference over all images of the source. An official test set is one split: its "
        "images are then fixed, and the interval speaks of these."
    )
    return Table("Seeds and splits: what an interval over seeds covers", frame, shown, (note,))
