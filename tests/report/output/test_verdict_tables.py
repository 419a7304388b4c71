"""How a judged difference is written."""

from __future__ import annotations

import pytest

from ce_harness.report.output.verdict_tables import estimate
from ce_harness.report.study import Claim


@pytest.mark.parametrize(
    ("ratio", "values", "written"),
    [
        (False, (0.0123, 0.0101, 0.0145), "+0.0123 [+0.0101, +0.0145]"),
        (False, (-1.11e-17, -0.0118, 0.00935), "+0 [-0.0118, +0.00935]"),  # of equal means, but for their rounding
        (True, (3.01, 1e-13, 3.77), "3.01 [1e-13, 3.77]"),
    ],
)
def test_a_difference_stands_with_its_interval(ratio, values, written):
    claim = Claim("a", "test/accuracy", "softmax_ce", "mse", relation="greater", margin=1.25, ratio=ratio)
    assert estimate(claim, dict(zip(("mean", "ci_low", "ci_high"), values, strict=True))) == written
