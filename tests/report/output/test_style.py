"""How losses look in figures."""

from ce_harness.report.output import style
from ce_harness.report.output.style import loss_styles
from ce_harness.theory import LOSSES


def test_a_loss_of_ones_own_has_a_look_that_no_other_has():
    styles = loss_styles(["softmax_ce", "margin", "hinge", *LOSSES])
    assert styles["softmax_ce"] == {"color": "#0072B2", "linestyle": "-"}
    assert len({style["color"] for style in styles.values()}) == len(LOSSES) + 2


def test_for_slides_text_is_larger_and_a_picture_has_more_pixels():
    sizes = {}
    for look in (style.paper, style.slides):
        with look():
            figure = style.new_figure(style.PAGE_WIDTH, 1)
            figure.subplots()
            label = figure.supxlabel("epoch")
            png = style.rendered(figure, "f")["f.png"]
            sizes[look] = label.get_size(), int.from_bytes(png[16:20], "big")
    assert sizes == {style.paper: (8, 1380), style.slides: (12, 1932)}
