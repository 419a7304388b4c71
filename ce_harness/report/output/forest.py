"""A small forest plot of one claim: the difference with its interval, before the band of what would not matter."""

from __future__ import annotations

import math
from html import escape

from ce_harness.report.output.answer import Answered
from ce_harness.report.output.wording import size

WIDTH, HEIGHT, ROOM = 240.0, 30.0, 0.08  # the last: on either side, as a share of the range


def forest(answered: Answered) -> str:
    """An SVG drawing, in the colours of the page; empty where there is no interval to draw.

    The axis is that of the difference, and of its logarithm for a ratio. The line is no difference, and the band the
    margin.
    """
    claim, row = answered.claim, answered.row
    read = math.log if claim.ratio else float
    mean, low, high = (float(row[name]) for name in ("mean", "ci_low", "ci_high"))
    if not all(map(math.isfinite, (mean, low, high))) or (claim.ratio and low <= 0):
        return ""
    mean, low, high, margin = (read(value) for value in (mean, low, high, claim.margin))
    ends = min(low, -margin), max(high, margin)
    span = (ends[1] - ends[0]) * (1 + 2 * ROOM)

    def x(value: float) -> float:
        return WIDTH * ((value - ends[0]) / span + ROOM / (1 + 2 * ROOM))

    middle = HEIGHT / 2
    return (
        f'<svg class="forest" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img">'
        f"<title>The difference with its 95% interval: {escape(size(claim, row))}. "
        "The band is what would not matter.</title>"
        f'<rect x="{x(-margin):.1f}" y="2" width="{x(margin) - x(-margin):.1f}" height="{HEIGHT - 4:g}"/>'
        f'<path d="M{x(0):.1f} 0V{HEIGHT:g}" class="zero"/>'
        f'<path d="M{x(low):.1f} {middle:g}H{x(high):.1f}"/>'
        f'<circle cx="{x(mean):.1f}" cy="{middle:g}" r="4"/></svg>'
    )
