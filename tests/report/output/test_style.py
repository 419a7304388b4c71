"""How losses look in figures."""

from ce_harness.report.output.style import loss_styles
from ce_harness.theory import LOSSES


def test_a_loss_of_ones_own_has_a_look_that_no_other_has():
    styles = loss_styles(["softmax_ce", "margin", "hinge", *LOSSES])
    assert styles["softmax_ce"] == {"color": "#0072B2", "linestyle": "-"}
    assert len({style["color"] for style in styles.values()}) == len(LOSSES) + 2
