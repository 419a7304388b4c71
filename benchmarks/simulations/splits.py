"""Whether an interval over seeds covers what other test images would show."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ce_harness.report.study import Table
from ce_harness.report.verdicts.images import variance_by_images
from ce_harness.report.verdicts.paired_tests import summary_of

REPEATS = 1_000
SEEDS, TEST = 10, 450
# The digits, of which a quarter are test images; and a source without end, as good as.
SOURCES = {"1,797 images": 1797, "45,000 images": 45_000}
# Two losses are right on an image with these probabilities, and differ in some images more than in others.
HARD, AGREE = 0.1, 0.9
SPLITS = ("one split for all seeds", "one split, its images in the interval", "a split for each seed")


def splits() -> Table:
    """Coverage of the difference of two accuracies over all images of the source, by intervals over ten seeds."""
    rows = []
    for source, size in SOURCES.items():
        for case in SPLITS:
            rng = np.random.default_rng(0)
            intervals = [_interval(rng, size, case) for _ in range(REPEATS)]
            rows.append(
                {"source": source, "case": case, "seeds": SEEDS, "test images": TEST}
                | {"interval covers": np.mean([low <= truth <= high for low, truth, high in intervals])}
                | {"half width": np.mean([high - low for low, _, high in intervals]) / 2}
            )
    frame = pd.DataFrame(rows)
    shown = frame.assign(
        **{"interval covers": frame["interval covers"].map("{:.1%}".format)},
        **{"half width": frame["half width"].map("{:.4f}".format)},
    )
    note = (
        f"{REPEATS:,} simulations a line: the losses find a tenth of the images hard and disagree on a tenth. Truth: "
        "the mean difference over all images of the source. All of an official test set is one split of a large source."
    )
    return Table("Seeds and test images: what an interval covers", frame, shown, (note,))


def _interval(rng: np.random.Generator, size: int, case: str) -> tuple[float, float, float]:
    """The lower bound, the truth and the upper bound of one simulated study."""
    # Chance of each loss on each image, over initial weights and training sets.
    base = np.where(rng.random(size) < HARD, rng.random(size), 1.0)
    other = np.where(rng.random(size) < AGREE, base, np.clip(base + rng.normal(0, 0.3, size), 0, 1))
    once = rng.choice(size, TEST, replace=False)
    by_seed = []
    for _ in range(SEEDS):
        images = rng.choice(size, TEST, replace=False) if case == SPLITS[-1] else once
        right = [(rng.random(TEST) < chance[images]).astype(float) for chance in (base, other)]
        by_seed.append(right[0] - right[1])
    differences = np.array(by_seed)
    of_images = variance_by_images(differences) if case == SPLITS[1] else 0.0
    interval = summary_of(differences.mean(axis=1), of_images)
    return interval.low, float(np.mean(base - other)), interval.high
