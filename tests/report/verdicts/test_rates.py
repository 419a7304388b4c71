"""Learning rates chosen per loss, and comparisons made at them."""

from dataclasses import replace

import pandas as pd
import pytest

from ce_harness.report.evidence import rows
from ce_harness.report.evidence.selection import select
from ce_harness.report.output import style
from ce_harness.report.output.learning_rates import accuracy_by_rate, chosen_rates
from ce_harness.report.study import Claim
from ce_harness.report.verdicts.claims import judge
from ce_harness.report.verdicts.rates import at_best_rates, at_equal_gradient_scale
from tests.report.synthetic import Run, study

# At equal rates CE wins at .1 and loses at 1; at each one's best, mse (.97 at 1) beats CE (.95 at .1).
ACCURACY = {("softmax_ce", 0.01): 0.80, ("softmax_ce", 0.1): 0.95, ("softmax_ce", 1.0): 0.50}
ACCURACY |= {("mse", 0.01): 0.70, ("mse", 0.1): 0.85, ("mse", 1.0): 0.97}


@pytest.fixture(scope="module")
def evidence():
    reads = {"loss": ["softmax_ce", "mse"], "learning_rate": [0.01, 0.1, 1.0], "seed": range(8)}
    tracked = [
        Run(loss, seed, accuracy, name=f"{loss}-lr{rate}-s{seed}", params={"learning_rate": str(rate)})
        for (loss, rate), accuracy in ACCURACY.items()
        for seed in reads["seed"]
    ]
    return rows.from_files(rows.to_files(rows.from_runs(select(tracked, study(reads), "rates"), reads)))


def test_best_rates_and_the_edge_of_the_grid(evidence):
    frame = chosen_rates(evidence).frame.set_index("loss")
    assert frame["learning_rate"].to_dict() == {"softmax_ce": 0.1, "mse": 1.0}
    assert frame["at_edge"].to_dict() == {"softmax_ce": False, "mse": True}


def test_verdicts_at_equal_rates_and_at_the_best_of_each_loss_differ(evidence):
    claim = Claim("CE is more accurate", "test/accuracy", "softmax_ce", "mse", "greater", margin=0.005)
    equal = judge([claim], evidence).set_index("learning_rate")["verdict"]
    assert equal.to_dict() == {0.01: "supported", 0.1: "supported", 1.0: "contradicted"}
    best = judge([claim], at_best_rates(evidence))
    assert best["n"].tolist() == [8]
    assert best["mean"].item() == pytest.approx(-0.02, abs=0.001)
    assert best["verdict"].item() == "contradicted"


def scaled_runs(rates, **tags):
    """Accuracy depends on the rate over the rate of equal gradient scale alone: with 10 classes, mse needs 5 times."""
    reads = {"loss": ["softmax_ce", "mse"], "learning_rate": rates, "seed": range(8)}
    tracked = [
        Run(
            loss,
            seed,
            0.9 + rate / scale,
            name=f"{loss}-lr{rate}-s{seed}",
            params={"learning_rate": str(rate)},
            tags=tags,
        )
        for loss, scale in (("softmax_ce", 1), ("mse", 5))
        for rate in rates
        for seed in reads["seed"]
    ]
    return rows.from_files(rows.to_files(rows.from_runs(select(tracked, study(reads), "rates"), reads)))


def test_verdicts_at_equal_gradient_scale_pair_each_rate_with_the_one_k_over_2_times_as_large():
    claim = Claim("CE is more accurate", "test/accuracy", "softmax_ce", "mse", "greater", margin=0.001)
    found = scaled_runs([0.002, 0.01, 0.05])
    assert judge([claim], found)["verdict"].tolist() == ["supported"] * 3
    scaled = judge([claim], at_equal_gradient_scale(found)).set_index("learning_rate")
    assert scaled["verdict"].to_dict() == {0.002: "equivalent", 0.01: "equivalent"}
    assert scaled["n"].tolist() == [8, 8]


def test_without_the_rates_or_the_number_of_classes_nothing_is_paired():
    assert at_equal_gradient_scale(scaled_runs([0.01, 0.1])).runs.empty
    assert at_equal_gradient_scale(scaled_runs([0.01, 0.05], num_classes="")).runs.empty


def test_accuracy_by_rate_has_a_panel_per_setting(evidence):
    mlp = evidence.runs.assign(model="mlp", **{"val/accuracy": 0.5})
    both = replace(evidence, runs=pd.concat([evidence.runs, mlp], ignore_index=True))
    with style.paper():
        lenet_panel, mlp_panel = accuracy_by_rate(both).axes
    assert [lenet_panel.get_title(loc="left"), mlp_panel.get_title(loc="left")] == ["lenet5", "mlp"]
    assert mlp_panel.lines[0].get_ydata() == pytest.approx([0.5] * 3)


def test_where_accuracies_crowd_at_1_errors_are_drawn_on_a_log_axis(evidence):
    rates = evidence.runs["learning_rate"].unique()
    scores = dict(zip(rates, [1.0, 0.99, 0.5], strict=True))
    crowded = evidence.runs.assign(**{"val/accuracy": evidence.runs["learning_rate"].map(scores)})
    with style.paper():
        (panel,) = accuracy_by_rate(replace(evidence, runs=crowded)).axes
    assert (panel.get_yscale(), panel.get_ylabel()) == ("log", "validation error")
    assert panel.lines[0].get_ydata() == pytest.approx([0.005, 0.01, 0.5])  # half the least error stands for none
    perfect = evidence.runs.assign(**{"val/accuracy": 1.0})
    with style.paper():
        (panel,) = accuracy_by_rate(replace(evidence, runs=perfect)).axes
    assert panel.lines[0].get_ydata() == pytest.approx([1.0] * 3)


@pytest.mark.parametrize(("mse", "noted"), [([0.01, 0.1], False), ([0.01], True)])
def test_unequal_numbers_of_rates_are_told_within_a_setting_only(mse, noted):
    """Networks may have grids of their own; the losses of one network may not."""
    rates = {("lenet5", "softmax_ce"): [0.01, 0.1], ("lenet5", "mse"): mse, ("mlp", "softmax_ce"): [1.0]}
    rates["mlp", "mse"] = [1.0]
    reads = {"model": ["lenet5", "mlp"], "loss": ["softmax_ce", "mse"], "learning_rate": [0.01, 0.1, 1.0]}
    reads["seed"] = range(2)
    tracked = [
        Run(
            loss,
            seed,
            name=f"{model}-{loss}-{rate}-s{seed}",
            tags={"model": model},
            params={"learning_rate": str(rate)},
        )
        for (model, loss), grid in rates.items()
        for rate in grid
        for seed in reads["seed"]
    ]
    found = rows.from_files(rows.to_files(rows.from_runs(select(tracked, study(reads), "rates"), reads)))
    assert any("equally many rates" in note for note in chosen_rates(found).notes) == noted
