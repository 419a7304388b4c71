"""What a number of pairs can show."""

from __future__ import annotations

import math
from functools import lru_cache

from scipy import optimize, stats

from ce_harness.report.verdicts.paired_tests import ALPHA, MIN_PAIRS


def power(effect_size: float, n: int, alpha: float = ALPHA) -> float:
    """Power of the two-sided paired t test of n pairs at effect size d_z (noncentral t).

    Significance in the wrong direction, below 1e-5 from a power of .5 on, does not count as success.
    """
    critical = stats.t.ppf(1 - alpha / 2, n - 1)
    return float(stats.nct.sf(critical, n - 1, effect_size * math.sqrt(n)))


def detectable_difference(sd: float, n: int, wanted_power: float = 0.8) -> float:
    """The smallest mean difference that n pairs with this standard deviation show with the wanted power.

    inf when n is below ``MIN_PAIRS``: the exact test then shows nothing, however large.
    """
    if n < MIN_PAIRS:
        return math.inf
    return sd * _detectable_effect(n, wanted_power)


@lru_cache
def _detectable_effect(n: int, wanted_power: float) -> float:
    # At a noncentrality of 10 even 6 pairs have a power of 1 - 1e-8.
    return float(optimize.brentq(lambda d: power(d, n) - wanted_power, 0, 10 / math.sqrt(n)))
