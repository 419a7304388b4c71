"""Made-up studies that tune two losses apart, and whose truth is known; the shares are in results/simulations/."""

import numpy as np
import pytest

from benchmarks.simulations.tuning import LOSSES, TRUTHS, verdict_of

STUDIES = 12


@pytest.mark.parametrize(
    ("truth", "allowed"),
    [
        ("equal, two rates .02 apart", {"equivalent", "inconclusive"}),
        ("equal, two rates as good", {"equivalent", "inconclusive"}),
        ("better by .001", {"equivalent", "inconclusive"}),
        ("better by .03", {"supported"}),
    ],
)
def test_verdicts_of_losses_that_are_tuned_apart(truth, allowed):
    """Equal losses tuned by five seeds never differ by chance alone, with another name of the first as a control."""
    rng = np.random.default_rng(0)
    assert {verdict_of(rng, *TRUTHS[truth], 5, LOSSES[:2]) for _ in range(STUDIES)} <= allowed
