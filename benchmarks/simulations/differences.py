"""The test and the interval of one setting, on paired differences of every awkward kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd

from ce_harness.report.study import Table
from ce_harness.report.verdicts.intervals import summarize
from ce_harness.report.verdicts.paired_tests import ALPHA, PairedTest

Draw = Callable[[np.random.Generator, int], np.ndarray]

REPEATS = 1_000
PAIRS = (6, 10, 14, 20)
FAILS = 0.2  # share of trainings that fail
GAIN, LOSS = 0.2, -0.8  # differences of mean 0 where the first loss fails so often


def _both_fail(rng: np.random.Generator, n: int) -> np.ndarray:
    first, second = rng.random((2, n)) < FAILS
    return np.where(first == second, rng.normal(0, 0.01, n), np.where(first, -0.85, 0.85))


def _first_fails(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.where(rng.random(n) < FAILS, LOSS, GAIN) + rng.normal(0, 0.01, n)


def _first_is_seen_to_fail(rng: np.random.Generator, n: int) -> np.ndarray:
    while (differences := _first_fails(rng, n)).min() > 0:
        pass
    return differences


def _second_fails(rng: np.random.Generator, n: int, share: float = FAILS, ahead: float = 0.05) -> np.ndarray:
    return np.where(rng.random(n) < share, 0.85, ahead) + rng.normal(0, 0.02, n)


NO_DIFFERENCE: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(0, 1, n),
    "heavy tails (t, 3 degrees)": lambda rng, n: rng.standard_t(3, n),
    "skewed (chi-squared, 2 degrees)": lambda rng, n: rng.chisquare(2, n) - 2,
    "unlike variances, by seed": lambda rng, n: rng.normal(0, rng.choice([0.2, 3], n)),
    "ties (2 of 450 test images)": lambda rng, n: np.round(rng.normal(0, 0.003, n) * 450) / 450,
    "discrete: one image of 450, a third of pairs": lambda rng, n: rng.choice([-1, 0, 0, 0, 0, 1], n) / 450,
    "a fifth of both losses fails": _both_fail,
    "a fifth of one loss fails, mean 0": _first_fails,
    "the same, where a failure is seen": _first_is_seen_to_fail,
}
# With the mean.
DIFFERENCE: dict[str, tuple[Draw, float]] = {
    "mean of one standard deviation": (lambda rng, n: rng.normal(1, 1, n), 1.0),
    "the same, heavy tails": (lambda rng, n: 1 + rng.standard_t(3, n) / np.sqrt(3), 1.0),
    "the same, skewed": (lambda rng, n: 1 + (rng.chisquare(2, n) - 2) / 2, 1.0),
    "the same, skewed the other way": (lambda rng, n: 1 - (rng.chisquare(2, n) - 2) / 2, 1.0),
    "ahead by .05, a fifth of the other fails": (_second_fails, 0.8 * 0.05 + 0.2 * 0.85),
    "behind by .01, half of the other fails": (partial(_second_fails, share=0.5, ahead=-0.01), 0.42),
    "behind by .01, nine tenths of the other fail": (partial(_second_fails, share=0.9, ahead=-0.01), 0.764),
}


def differences() -> Table:
    """Share of simulations in which each test calls the difference real at 5%, and the interval covers the truth."""
    frame = pd.DataFrame(_rows())
    shown = frame.assign(**{name: frame[name].map("{:.1%}".format) for name in frame.columns[3:]})
    notes = (
        f"{REPEATS:,} simulations a line. Different: the test's p is below 5%. "
        "Interval: the means that it does not reject. Student's t, which takes no part, is for comparison. Within "
        "margin: the equivalence test, at a margin of the line's mean, or one standard deviation where that is zero.",
        "Where one loss fails in a fifth of trainings and gains as much in the others, n pairs show no failure in "
        "0.8^n of the studies: 26% of 6, 10.7% of 10, 4.4% of 14. No test of the pairs can tell these from a gain "
        "(Bahadur & Savage 1956).",
    )
    return Table("One setting: level, power and coverage", frame, shown, notes)


def _rows() -> Iterator[dict[str, object]]:
    cases = [("no difference", case, draw, 0.0) for case, draw in NO_DIFFERENCE.items()]
    cases += [("difference", case, draw, mean) for case, (draw, mean) in DIFFERENCE.items()]
    for truth, case, draw, mean in cases:
        margin = mean or float(draw(np.random.default_rng(1), 100_000).std())
        for n in PAIRS:
            rng = np.random.default_rng([n, len(case)])
            drawn = [draw(rng, n) for _ in range(REPEATS)]
            tests = [PairedTest(d) for d in drawn]
            intervals = [test.interval() for test in tests]
            of_t = [summarize(d) for d in drawn]
            yield {"truth": truth, "case": case, "pairs": n} | {
                "different": np.mean([test.p_of_zero() < ALPHA for test in tests]),
                "interval covers": np.mean([low <= mean <= high for low, high in intervals]),
                "Student's t covers": np.mean([one.low <= mean <= one.high for one in of_t]),
                "within margin": np.mean([test.p_outside(margin) < ALPHA for test in tests]),
            }
