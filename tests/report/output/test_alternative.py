"""What a figure says to those who can't see it."""

from io import BytesIO

import numpy as np
from PIL import Image

from ce_harness.report.output import alternative, style


def drawn(*panels, rows=1):
    figure = style.new_figure(6, 3)
    for ax, draw in zip(figure.subplots(rows, len(panels) // rows, squeeze=False).flat, panels, strict=True):
        draw(ax)
    return figure


def curve(ax):
    ax.plot([1, 2, 3], [0.5, np.nan, 0.25], label="MSE (n = 10)")
    ax.plot([1, 3], [1, 1])  # without a name, such as the line of no difference
    ax.set(xlabel="epoch", ylabel="error")


def interval(ax):
    ax.errorbar([0.5], [0], xerr=[[0.25], [1]], label="MSE", linestyle="none")
    ax.set_title("accuracy", loc="left")


def share(ax):
    ax.step([0, 4, 8], [0, 0.5, 0.75], where="post", label="CE")
    ax.step([0, 8], [0, 0.1], where="post", label="MSE")
    ax.set(xlabel="epoch", ylabel="share")


def confusion(ax):
    ax.imshow([[0.9, 0.1], [0.25, 0.75]])
    ax.set_xticks([0, 1], ["cat", "dog"])
    ax.set_title("CE", loc="left")


def test_a_curve_is_told_by_its_ends_an_interval_by_its_numbers_and_a_share_by_its_half():
    assert alternative.text(drawn(curve, interval, share)) == (
        "error over epoch: MSE from 0.5 at 1 to 0.25 at 3. accuracy: MSE +0.5 (+0.25 to +1.5). "
        "share over epoch: CE half by 4; MSE 10% by 8."
    )


def test_a_confusion_matrix_names_its_worst_class_and_confusion():
    told = "CE: at least 75% of each class right; most often wrong: dog taken for cat, 25.0%."
    assert alternative.text(drawn(confusion)) == told


def test_of_many_panels_the_range_of_the_ends_is_told():
    assert alternative.text(drawn(*[curve] * 8, rows=2)) == (
        "8 panels of error over epoch. MSE ends between 0.25 and 0.25."
    )


def test_every_file_holds_it():
    with style.paper():
        files = style.rendered(drawn(curve), "curve")
    told = "error over epoch: MSE from 0.5 at 1 to 0.25 at 3."
    with Image.open(BytesIO(files["curve.png"])) as picture:
        assert picture.info["Description"] == told
    assert told.encode() in files["curve.svg"]
    assert b"/Subject" in files["curve.pdf"]
