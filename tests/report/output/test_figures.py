"""What figures draw, read from what they drew."""

from dataclasses import replace

import numpy as np
import pytest

from ce_harness.report.evidence import rows
from ce_harness.report.evidence.selection import select
from ce_harness.report.output import figures, style
from ce_harness.report.output.labels import loss_names
from ce_harness.report.study import Claim
from tests.report.synthetic import runs, study

LOSSES = ["softmax_ce", "builtin_ce", "mse", "mse_logits"]


@pytest.fixture(scope="module")
def evidence():
    reads = {"loss": LOSSES, "seed": range(3)}
    tracked = runs(LOSSES, 3, mse={"accuracy": 0.85})
    return rows.from_files(rows.to_files(rows.from_runs(select(tracked, study(reads), "demo"), reads)))


def names(ax):
    return [name.partition(" (n =")[0] for name in ax.get_legend_handles_labels()[1]]


def test_losses_have_the_labels_of_their_configs_though_the_rows_have_none(evidence):
    assert "loss_label" not in evidence.runs
    assert loss_names(evidence)["mse"] == "MSE (sum over classes)"
    own = replace(evidence, runs=evidence.runs.replace({"loss": {"mse": "mine"}}))
    assert loss_names(own)["mine"] == "mine"


def test_a_difference_that_would_not_matter_lies_in_the_band_of_the_studys_margin(evidence):
    claim = Claim("c", "test/accuracy", "softmax_ce", "mse", "greater", margin=0.005)
    of_study = replace(evidence, claims=(claim, replace(claim, metric="early_grad_norm", margin=1.25, ratio=True)))
    with style.paper():
        accuracy, norm = figures.differences(of_study, "softmax_ce", ("test/accuracy", "early_grad_norm")).axes
    (band,) = accuracy.patches
    assert (band.get_x(), band.get_width()) == (-0.005, 0.01)
    assert list(norm.patches) == []  # a factor is no difference


def test_where_accuracies_crowd_at_1_their_errors_are_drawn(evidence):
    with style.paper():
        error, nll = figures.learning_curves(evidence).axes
    assert (error.get_ylabel(), error.get_yscale()) == ("validation error", "log")
    assert "MSE on logits" in names(error)
    assert "MSE on logits" not in names(nll)  # it has no probabilities
    low = replace(evidence, runs=evidence.runs.assign(**{"val/accuracy": 0.5}))
    with style.paper():
        assert figures.learning_curves(low).axes[0].get_ylabel() == "validation accuracy"


def test_two_names_of_one_loss_are_one_line_and_a_loss_without_probabilities_none(evidence):
    with style.paper():
        ax = figures.gradient_by_probability(evidence).axes[0]
    assert names(ax) == ["softmax + CE = softmax + CE (TensorFlow)", "MSE (sum over classes)"]


def of_two_starts(evidence):
    starts = np.where(evidence.runs["seed"] == 0, "4.0", "0.01")
    runs = evidence.runs.copy()
    runs.insert(1, "model.head_stddev", starts)
    return replace(evidence, runs=runs, apart="model.head_stddev")


def test_a_logarithmic_axis_says_so_and_has_numbers_between_zero_and_its_ends(evidence):
    far_apart = evidence.runs["early_grad_norm"].where(evidence.runs["loss"] != "mse", 5.0)
    starts = of_two_starts(replace(evidence, runs=evidence.runs.assign(early_grad_norm=far_apart)))
    with style.paper():
        drawn = figures.differences(starts, "softmax_ce", ["test/accuracy", "early_grad_norm"])
        drawn.draw_without_rendering()
    assert "logarithmic" in drawn.get_supxlabel()
    for ax in drawn.axes:
        texts = [tick.get_text().replace("\u2212", "-") for tick in ax.get_xticklabels()]
        assert [float(text) for text in texts] == list(ax.get_xticks())
        assert {-0.01, 0.01} <= {*ax.get_xticks(), *ax.get_xticks(minor=True)}
    assert {-1, -0.1, 0, 0.1, 1} <= set(drawn.axes[1].get_xticks())


def test_parts_that_a_study_tells_apart_have_a_panel_each(evidence):
    with style.paper():
        drawn = figures.gradient_by_probability(of_two_starts(evidence))
    assert [ax.get_title(loc="left") for ax in drawn.axes] == ["head_stddev 4", "head_stddev 0.01"]


@pytest.mark.parametrize(
    ("value", "tick"), [(0.02, "0.02"), (100, "100"), (1e-5, "10\u207b\u2075"), (2e4, "2\u00b710\u2074"), (0, "0")]
)
def test_ticks_of_a_log_axis_are_plain_numbers_or_powers_of_ten(value, tick):
    assert style.power_of_ten(value) == tick
