"""The points of a run as the store takes them."""

from ce_harness.tracking.points import timestamp


def test_a_clock_before_1970_is_told_as_1970():
    assert timestamp({"time_ms": -86_395_303}) == 0
    assert timestamp({"time_ms": 1_700_000_000_000}) == 1_700_000_000_000
