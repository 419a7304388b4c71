"""Studies that tune other keys than the learning rate: two at once, and one that a single loss has."""

from itertools import product

import pytest

from ce_harness.errors import ConfigError
from ce_harness.report.evidence import rows
from ce_harness.report.evidence.selection import select, survey
from ce_harness.report.output import style
from ce_harness.report.output.learning_rates import accuracy_by_rate, chosen_rates
from ce_harness.report.study import Claim
from ce_harness.report.verdicts import rates
from ce_harness.report.verdicts.claims import judge
from tests.report.synthetic import Run, study

MOMENTUM, SCALE = "optimizer.momentum", "loss.target_scale"
READS = {
    "model.head_stddev": [None, 4.0],
    "loss": ["softmax_ce", "mse_logits"],
    "learning_rate": [0.01, 0.1, 1.0],
    MOMENTUM: [0.0, 0.5, 0.9],
    SCALE: {"mse_logits": [1.0, 5.0, 15.0]},
    "seed": range(2, 10),
}
TUNES = ("learning_rate", MOMENTUM, SCALE)
BEST = {"softmax_ce": (0.1, 0.9, ""), "mse_logits": (0.01, 0.5, 5.0)}
CLAIM = Claim("CE is more accurate", "test/accuracy", "softmax_ce", "mse_logits", "greater", margin=0.005)


def tuned():
    return study(READS, tunes=TUNES, tuning_seeds=range(2), claims=(CLAIM,))


def run(combination):
    """Best with the values of ``BEST``; cross-entropy better by .04."""
    loss = combination["loss"]
    right = sum(combination[key] == best for key, best in zip(TUNES, BEST[loss], strict=True))
    keys = ["model.head_stddev", *(key for key in TUNES if combination[key] != "")]
    params = {key: str(combination[key]) for key in keys}
    accuracy = 0.8 + 0.04 * right + 0.04 * (loss == "softmax_ce")
    return Run(loss, combination["seed"], accuracy, name=str(combination), params=params)


@pytest.fixture(scope="module")
def tracked():
    runs = [run(combination) for combination in survey([], tuned(), "tuned").missing]
    return [*runs, *map(run, survey(runs, tuned(), "tuned").missing)]


@pytest.fixture(scope="module")
def evidence(tracked):
    made = rows.from_runs(select(tracked, tuned(), "tuned"), tuned().reads)
    return rows.from_files(rows.to_files(made), TUNES)


def test_every_combination_is_tuned_and_the_best_one_trained_in_each_setting(tracked):
    """2 starts and 2 tuning seeds of 3 x 3 for cross-entropy, 3 x 3 x 3 for MSE on logits. Then 8 seeds of the best."""
    assert len(tracked) == (9 + 27) * 2 * 2 + 2 * 2 * 8
    last = [one.params for one in tracked[-32:]]
    chosen = {tuple(params.get(key, "") for key in ("model.head_stddev", *TUNES)) for params in last}
    assert chosen == {(start, *map(str, best)) for start, best in product(("None", "4.0"), BEST.values())}
    assert survey(tracked, tuned(), "tuned").missing == []


def test_the_table_has_a_column_for_each_key_and_says_which_is_at_the_edge(evidence):
    table = chosen_rates(evidence)
    frame = table.frame.set_index(["model.head_stddev", "loss"]).loc["4.0"]
    assert frame.loc["softmax_ce", list(TUNES)].tolist() == [0.1, "0.9", ""]
    assert frame.loc["mse_logits", list(TUNES)].tolist() == [0.01, "0.5", "5.0"]
    edges = [f"{key}_at_edge" for key in TUNES]
    assert frame.loc["softmax_ce", edges].tolist() == [False, True, False]
    assert frame.loc["mse_logits", edges].tolist() == [True, False, False]
    assert frame["rates_tried"].tolist() == [9, 27]
    shown = table.shown[table.shown["setting"] == "head_stddev 4"].set_index("key")
    assert shown["softmax + CE"].tolist() == ["0.1", "0.9 (edge)", "-"]
    assert shown["MSE on logits"].tolist() == ["0.01 (edge)", "0.5", "5"]
    assert table.title == "Tuned value of each loss"


def test_losses_are_paired_by_seed_each_at_its_own_values(evidence):
    judged = judge([CLAIM], rates.at_best_rates(evidence))
    assert judged["n"].tolist() == [8, 8]
    assert judged["mean"].tolist() == pytest.approx([0.04, 0.04], abs=0.001)
    assert judged["verdict"].tolist() == ["supported", "supported"]
    assert [name for name, _, _ in rates.views(evidence)] == []  # no combination is one of both losses


def test_numbers_are_ordered_as_numbers_though_rows_hold_text():
    few = {**READS, "model.head_stddev": [4.0], MOMENTUM: [0.5], SCALE: {"mse_logits": [1.0, 15.0, 5.0]}}
    wide = study(few, tunes=TUNES, tuning_seeds=range(2))
    runs = [run(combination) for combination in survey([], wide, "tuned").missing]
    runs += map(run, survey(runs, wide, "tuned").missing)
    evidence = rows.from_files(rows.to_files(rows.from_runs(select(runs, wide, "tuned"), wide.reads)), TUNES)
    assert not chosen_rates(evidence).frame.set_index("loss").loc["mse_logits", f"{SCALE}_at_edge"]


def test_the_figure_has_a_panel_for_each_value_of_the_further_keys(evidence):
    with style.paper():
        axes = accuracy_by_rate(evidence).axes
    assert len(axes) == 2 * 3 * (1 + 3)  # starts, momenta, and the scales of MSE on logits beside cross-entropy
    assert axes[0].get_xscale() == "log"
    large = [line for ax in axes for line in ax.lines if line.get_markersize() == 5 and len(line.get_xdata())]
    assert sorted(float(line.get_xdata()[0]) for line in large) == [0.01, 0.01, 0.1, 0.1]


@pytest.mark.parametrize(
    ("reads", "tunes", "refusal"),
    [
        ({SCALE: [1.0, 5.0]}, ("learning_rate",), "reads has several values of loss.target_scale, by which losses"),
        ({MOMENTUM: {"mse": [0.9]}}, (MOMENTUM,), "reads names values of optimizer.momentum for mse: allowed are"),
        ({}, ("model.dropout",), "reads names no model.dropout: tuning_seeds choose among its values"),
    ],
)
def test_keys_that_can_not_be_tuned_as_they_are_written(reads, tunes, refusal):
    with pytest.raises(ConfigError) as raised:
        study({"loss": ["softmax_ce", "mse"], "seed": [0, 1], **reads}, tunes=tunes)
    assert str(raised.value).startswith(refusal)
