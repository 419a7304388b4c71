"""Verdicts on made-up runs whose truth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ce_harness.errors import ConfigError
from ce_harness.report.evidence import rows
from ce_harness.report.evidence.selection import select
from ce_harness.report.output.verdict_tables import View, sensitivity_table, verdicts
from ce_harness.report.study import Claim
from ce_harness.report.verdicts.changes import changes
from ce_harness.report.verdicts.claims import effects_of, judge, judge_overall
from ce_harness.report.verdicts.pairings import Effect
from ce_harness.report.verdicts.power import detectable_difference
from tests.report.synthetic import Run, runs, study

LOSSES = ["softmax_ce", "mse"]
ACCURACY = Claim("CE is more accurate", "test/accuracy", "softmax_ce", "mse", "greater", margin=0.005)


def evidence(tracked, seeds=10, models=("lenet5",)):
    reads = {"dataset": ["digits"], "model": models, "loss": LOSSES, "seed": range(seeds)}
    return rows.from_files(rows.to_files(rows.from_runs(select(tracked, study(reads), "demo"), reads)))


def verdict(claim, tracked, seeds=10):
    return judge([claim], evidence(tracked, seeds))["verdict"].item()


@pytest.mark.parametrize(
    ("mse_accuracy", "expected"), [(0.90, "supported"), (0.97, "contradicted"), (0.95, "equivalent")]
)
def test_known_truth(mse_accuracy, expected):
    assert verdict(ACCURACY, runs(LOSSES, 10, mse={"accuracy": mse_accuracy})) == expected


def test_a_sure_difference_within_the_margin_is_equivalent():
    found = judge([ACCURACY], evidence(runs(LOSSES, 10, mse={"accuracy": 0.949})))
    assert found["p"].item() < 0.05
    assert found["verdict"].item() == "equivalent"


def test_less_is_the_mirror_image_of_greater():
    error = Claim("CE errs less", "test/error", "softmax_ce", "mse", "less", margin=0.005)
    assert verdict(error, runs(LOSSES, 10, mse={"accuracy": 0.90})) == "supported"
    assert verdict(error, runs(LOSSES, 10, mse={"accuracy": 0.97})) == "contradicted"


def test_equality_has_to_be_shown():
    equal = Claim("the same", "test/accuracy", "softmax_ce", "mse", "equal", margin=0.005)
    assert verdict(equal, runs(LOSSES, 10)) == "supported"
    assert verdict(equal, runs(LOSSES, 10, mse={"accuracy": 0.90})) == "contradicted"


def test_five_seeds_decide_nothing_and_say_so():
    found = evidence(runs(LOSSES, 5, mse={"accuracy": 0.5}), seeds=5)
    assert judge([ACCURACY], found)["verdict"].item() == "inconclusive"
    assert any("smallest exact two-sided p is 0.0625" in note for note in verdicts(View(found), [ACCURACY]).notes)


def test_too_many_claims_for_the_seeds_decide_nothing_and_say_so():
    """Eight pairs reach p = .0078; seven claims make .055 of it."""
    found = evidence(runs(LOSSES, 8, mse={"accuracy": 0.5}), seeds=8)
    seven = [replace(ACCURACY, statement=f"claim {i}") for i in range(7)]
    table = verdicts(View(found), seven)
    assert set(table.frame["verdict"]) == {"inconclusive"}
    assert any("7 times 0.00781" in note for note in table.notes)
    six = verdicts(View(found), seven[:6])
    assert set(six.frame["verdict"]) == {"supported"}
    assert not any("Too few seeds" in note for note in six.notes)
    untested = Claim("no runs", "test/accuracy", "softmax_ce", "focal", "greater", margin=0.005)
    beside = verdicts(View(found), [*seven[:6], untested])
    assert set(beside.frame["verdict"][:6]) == {"supported"}
    assert not any("Too few seeds" in note for note in beside.notes)


def test_a_first_run_that_diverged_stays_in_its_pair():
    tracked = runs(LOSSES, 10, mse={"accuracy": 0.90})
    tracked[0].status = "diverged"
    row = judge([ACCURACY], evidence(tracked)).iloc[0]
    # Nine pairs differ by some .05, one by .1 - .9.
    assert (row["n"], row["mean"]) == (10, pytest.approx((9 * 0.05 - 0.8) / 10, abs=2e-3))


def test_diverged_runs_stay_in_their_pairs_and_count_as_chance():
    tracked = runs(LOSSES, 10, mse={"accuracy": 0.90})
    for run in tracked[10:13]:
        run.status = "diverged"
    found = judge([ACCURACY], evidence(tracked))
    assert found["n"].item() == 10
    # Seven pairs differ by some .05, three by some .85: chance is .1.
    assert found["mean"].item() > 0.2
    assert found["verdict"].item() == "supported"


def test_differences_of_thousands_overflow_nothing():
    nll = Claim("CE has the lower NLL", "test/nll", "softmax_ce", "mse", "less", margin=0.02)
    assert verdict(nll, runs(LOSSES, 6, mse={"metrics": {"test/nll": 6309.0}}), seeds=6) == "supported"


def test_ratios_are_geometric():
    norm = Claim("larger gradients", "early_grad_norm", "softmax_ce", "mse", "greater", margin=1.25, ratio=True)
    found = judge([norm], evidence(runs(LOSSES, 10, mse={"grad_norm": 0.2})))
    assert found["mean"].item() == pytest.approx(5)
    assert found["verdict"].item() == "supported"


def test_times_to_a_target_count_runs_that_never_reach_it():
    faster = Claim("CE is faster", "epochs_to/0.95", "softmax_ce", "mse", "less", margin=0.5)
    # Accuracy ends near .97 and .92: mse never reaches 95% and is censored at epoch 6.
    assert verdict(faster, runs(LOSSES, 10, softmax_ce={"accuracy": 0.99}, mse={"accuracy": 0.85})) == "supported"
    # Neither reaches it: their mean times are equal, and no verdict is given on speed.
    found = judge([faster], evidence(runs(LOSSES, 10, softmax_ce={"accuracy": 0.5}, mse={"accuracy": 0.5})))
    assert (found["n"].item(), found["mean"].item()) == (10, 0)
    assert found["verdict"].item() == "inconclusive"


def test_many_claims_are_adjusted_together():
    claims = [ACCURACY] + [
        Claim(f"other {i}", "test/accuracy", "softmax_ce", "mse", "greater", margin=0.001) for i in range(29)
    ]
    found = judge(claims, evidence(runs(LOSSES, 10, mse={"accuracy": 0.90})))
    # 2 / 2^10 each; 30 times that is above .05.
    assert found["p_holm"].iloc[0] == pytest.approx(30 * 2 / 2**10)
    assert set(found["verdict"]) == {"inconclusive"}


@pytest.mark.slow
def test_without_any_difference_a_study_supports_anything_in_at_most_5_percent():
    rng = np.random.default_rng(0)
    base = evidence(runs(LOSSES, 10))
    metrics = ["test/accuracy", "test/nll", "test/ece"]
    claims = [Claim(metric, metric, "softmax_ce", "mse", "greater", margin=0.005) for metric in metrics]
    wrong = []
    for _ in range(80):
        drawn = rng.normal(0.9, 0.02, (len(base.runs), len(metrics)))
        judged = judge(claims, replace(base, runs=base.runs.assign(**dict(zip(metrics, drawn.T, strict=True)))))
        wrong.append({"supported", "contradicted"} & set(judged["verdict"]))
    assert 0 < np.mean([bool(one) for one in wrong]) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 80)


@pytest.mark.slow
def test_without_any_difference_neither_overall_nor_in_the_settings_of_a_claim_is_more_than_5_percent_wrong():
    rng = np.random.default_rng(0)
    models = ("lenet5", "mlp")
    tracked = [
        Run(loss, seed, name=f"{model}-{loss}-s{seed}", tags={"model": model})
        for model in models
        for loss in LOSSES
        for seed in range(10)
    ]
    base = evidence(tracked, models=models)
    overall, by_setting = [], []
    for _ in range(60):
        drawn = base.runs.assign(**{"test/accuracy": rng.normal(0.9, 0.02, len(base.runs))})
        made_up = replace(base, runs=drawn)
        overall.append(judge_overall([ACCURACY], made_up)["verdict"].item() in ("supported", "contradicted"))
        by_setting.append(not {"supported", "contradicted"}.isdisjoint(judge([ACCURACY], made_up)["verdict"]))
    most = 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)
    assert np.mean(overall) <= most
    assert np.mean(by_setting) <= most


@pytest.mark.slow
def test_settings_that_each_show_too_little_decide_together():
    models = tuple(f"net{i}" for i in range(30))
    tracked = [
        Run(loss, seed, accuracy, name=f"{model}-{loss}-s{seed}", tags={"model": model})
        for model in models
        for loss, accuracy in (("softmax_ce", 0.95), ("mse", 0.90))
        for seed in range(10)
    ]
    found = evidence(tracked, models=models)
    # 30 settings times 2 / 2^10 is above .05: no setting can decide alone.
    assert set(judge([ACCURACY], found)["verdict"]) == {"inconclusive"}
    row = judge_overall([ACCURACY], found).iloc[0]
    assert (row["verdict"], row["n"], row["settings"]) == ("supported", 10, "30 inconclusive")
    assert row["mean"] == pytest.approx(0.05, abs=1e-3)


def test_missing_runs_leave_their_pairs_out():
    tracked = runs(LOSSES, 10, mse={"accuracy": 0.90})
    found = judge([ACCURACY], evidence([run for run in tracked if (run.loss, run.seed) != ("mse", 4)]))
    assert found["n"].item() == 9
    assert found["verdict"].item() == "supported"


def test_ties_are_equivalent_and_no_evidence_of_a_difference():
    tied = evidence(runs(LOSSES, 10))
    tied = replace(tied, runs=tied.runs.assign(**{"test/accuracy": 0.95}))
    found = judge([ACCURACY], tied)
    assert found["p"].item() == 1
    assert found["verdict"].item() == "equivalent"


def test_what_the_seeds_could_have_shown_stands_beside_the_verdict():
    found = evidence(runs(LOSSES, 10, mse={"accuracy": 0.90}))
    row = judge([ACCURACY], found).iloc[0]
    sd = effects_of(ACCURACY, found)[0].differences.std(ddof=1)
    assert row["detectable"] == pytest.approx(detectable_difference(sd, 10))
    assert f"detectable {row['detectable']:.2g}" in verdicts(View(found), [ACCURACY]).shown["evidence"].item()


def test_every_setting_gets_its_own_verdict():
    lenet = runs(LOSSES, 10, mse={"accuracy": 0.90})
    mlp = [
        Run(loss, seed, accuracy=accuracy, name=f"digits-mlp-{loss}-s{seed}", tags={"model": "mlp"})
        for loss, accuracy in (("softmax_ce", 0.90), ("mse", 0.95))
        for seed in range(10)
    ]
    found = judge([ACCURACY], evidence([*lenet, *mlp], models=("lenet5", "mlp")))
    assert dict(zip(found["model"], found["verdict"], strict=True)) == {
        "lenet5": "supported",
        "mlp": "contradicted",
    }


def test_sensitivity_shows_what_a_wider_margin_would_change():
    table = sensitivity_table(View(evidence(runs(LOSSES, 10, mse={"accuracy": 0.943}))), [ACCURACY])
    found = table.shown.set_index("variant")["verdict"]
    assert found.to_dict() == {"as stated": "supported", "margin x 0.5": "supported", "margin x 2": "equivalent"}


def test_a_trend_is_the_slope_of_each_seeds_differences_per_factor_of_ten():
    """The gap is .01 at 2, .03 at 20 and .05 at 200, give or take what each seed adds: .02 a decade."""
    rng = np.random.default_rng(5)
    effects = [
        Effect({"model": "lenet5", "dataset.num_classes": str(k)}, pd.Series(gap + rng.normal(0, 1e-4, 10)), 3e-6, 1e-6)
        for k, gap in ((2, 0.01), (20, 0.03), (200, 0.05))
    ]
    (trend,) = changes(effects, "dataset.num_classes")
    assert trend.setting == {"model": "lenet5", "dataset.num_classes": "num_classes 2 to 200, per factor of ten"}
    assert trend.differences.to_numpy() == pytest.approx((effects[2].differences - effects[0].differences) / 2)
    assert trend.choice_variance == pytest.approx(2 * 3e-6 / 4)
    assert trend.image_variance == pytest.approx(2 * 1e-6 / 4)
    assert trend.summary.mean == pytest.approx(0.02, abs=1e-4)


def test_an_interaction_is_the_second_difference_less_the_first_where_both_have_the_seed():
    last, best = pd.Series({3: 0.1, 4: 0.2, 5: 0.3}), pd.Series({3: 0.0, 4: 0.3})
    (change,) = changes([Effect({"stop": "False"}, last), Effect({"stop": "True"}, best)], "stop")
    assert change.differences.to_dict() == pytest.approx({3: -0.1, 4: 0.1})
    assert change.setting == {"stop": "stop False to True"}


def test_a_column_without_an_order_has_no_trend():
    effects = [Effect({"dataset.label_noise": noise}, pd.Series([0.1, 0.2])) for noise in ("0.0", "0.2", "0.4")]
    with pytest.raises(ConfigError, match="allowed are positive numbers, or two values; the runs have 0.0, 0.2, 0.4"):
        changes(effects, "dataset.label_noise")


def test_a_part_that_all_runs_belong_to_is_all_of_them():
    judged = judge_overall(
        [replace(ACCURACY, within={"model": model}) for model in ("lenet5", "mlp")],
        evidence(runs(LOSSES, 10, mse={"accuracy": 0.90})),
    )
    assert judged["n"].tolist() == [10, 0]
    assert judged["verdict"].tolist() == ["supported", "inconclusive"]


def test_claims_about_a_part_and_about_a_change_are_judged_of_these_alone():
    """CE is ahead by .05 with lenet5 and by nothing with mlp."""
    far, near = (
        runs(LOSSES, 10, mse={"accuracy": 0.90}),
        [
            Run(loss, seed, name=f"digits-mlp-{loss}-s{seed}", tags={"model": "mlp"})
            for loss in LOSSES
            for seed in range(10)
        ],
    )
    found = evidence([*far, *near], models=("lenet5", "mlp"))
    claims = [
        replace(ACCURACY, within={"model": "lenet5"}),
        replace(ACCURACY, statement="equal with mlp", relation="equal", within={"model": "mlp"}),
        replace(ACCURACY, statement="the gap shrinks", relation="less", margin=0.01, along="model"),
    ]
    judged = judge_overall(claims, found)
    assert judged["verdict"].tolist() == ["supported", "supported", "supported"]
    assert judged["mean"].tolist() == pytest.approx([0.05, 0, -0.05], abs=2e-3)
    assert len(judge(claims, found)) == 3
    table = verdicts(View(found, apart="model"), claims)
    assert table.shown["of"].tolist() == ["all settings"] * 3 + ["lenet5", "mlp"]
    assert "change along model" in table.shown["evidence"][2]
    assert sensitivity_table(View(found), claims).shown["claim"].tolist().count("the gap shrinks") == 3
