"""A study whose learning rates are tuned on seeds of their own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ce_harness.errors import TooFewRunsError
from ce_harness.report import build
from ce_harness.report.evidence import rows
from ce_harness.report.evidence.run import tuning_scores
from ce_harness.report.evidence.selection import select, survey
from ce_harness.report.output.learning_rates import accuracy_by_rate, chosen_rates
from ce_harness.report.output.tables import comparison
from ce_harness.report.study import Claim, Study
from ce_harness.report.verdicts import rates
from ce_harness.report.verdicts.tuning import CHOSEN_BY, choose
from tests.report.synthetic import Run, study

RATES = [0.01, 0.1, 1.0]
READS = {"model": ["lenet5", "mlp"], "loss": ["softmax_ce", "mse"], "learning_rate": RATES, "seed": range(2, 10)}
TUNING = range(2)
# Validation accuracy, best for cross-entropy at .1 and for mse at 1, where half of its runs on mlp diverge.
ACCURACY = {("softmax_ce", 0.01): 0.80, ("softmax_ce", 0.1): 0.95, ("softmax_ce", 1.0): 0.50}
ACCURACY |= {("mse", 0.01): 0.70, ("mse", 0.1): 0.85, ("mse", 1.0): 0.97}
STUDY = Study(
    question="Which?",
    reads=READS,
    tuning_seeds=TUNING,
    claims=(Claim("CE is more accurate", "test/accuracy", "softmax_ce", "mse", "greater", margin=0.005),),
    tables={"comparison": comparison},
)


def run(model, loss, rate, seed, **more):
    return Run(
        loss,
        seed,
        ACCURACY[loss, rate],
        name=f"{model}-{loss}-lr{rate}-s{seed}",
        tags={"model": model},
        params={"learning_rate": str(rate)},
        **more,
    )


def tuning_runs():
    found = [run(model, loss, rate, seed) for model in READS["model"] for loss, rate in ACCURACY for seed in TUNING]
    for one in found:
        if one.name == "mlp-mse-lr1.0-s1":
            one.status = "diverged"
    return found


def final_runs():
    chosen = {("lenet5", "mse"): 1.0, ("mlp", "mse"): 0.1}
    return [
        run(model, loss, chosen.get((model, loss), 0.1), seed)
        for model in READS["model"]
        for loss in READS["loss"]
        for seed in READS["seed"]
    ]


def evidence(tracked):
    return rows.from_files(
        rows.to_files(rows.from_runs(select(tracked, study(READS, tuning_seeds=TUNING), "tuned"), READS))
    )


@pytest.fixture(scope="module")
def tuned():
    return evidence([*tuning_runs(), *final_runs()])


def test_rates_are_chosen_on_the_tuning_seeds_and_a_rate_that_diverges_is_none(tuned):
    frame = chosen_rates(tuned).frame.set_index(["model", "loss"])
    assert frame["learning_rate"].to_dict() == {
        ("lenet5", "softmax_ce"): 0.1,
        ("lenet5", "mse"): 1.0,
        ("mlp", "softmax_ce"): 0.1,
        ("mlp", "mse"): 0.1,  # .97 at 1, but of one seed that survived
    }
    assert frame["at_edge"].to_dict()["lenet5", "mse"]
    assert not frame["at_edge"].to_dict()["mlp", "mse"]
    assert "(edge)" in chosen_rates(tuned).shown["MSE (sum over classes)"].iloc[0]


def test_tuning_seeds_are_compared_nowhere_and_leave_no_test_score(tuned):
    assert set(tuned.runs["seed"]) == set(READS["seed"])
    assert set(tuned.epochs["run"]) == set(tuned.runs["run"])
    assert set(tuned.tuning["seed"]) == set(TUNING)
    assert [column for column in tuned.tuning if column.startswith("test/")] == []
    best = rates.at_best_rates(tuned)
    assert best.runs.groupby(["model", "loss"])["seed"].nunique().tolist() == [8] * 4


def test_choosing_never_looks_at_the_test_set(tuned):
    turned = replace(tuned, runs=tuned.runs.assign(**{"test/accuracy": 1 - tuned.runs["test/accuracy"]}))
    pd.testing.assert_frame_equal(chosen_rates(turned).frame, chosen_rates(tuned).frame)
    turned = replace(tuned, tuning=tuned.tuning.assign(**{"val/accuracy": 1 - tuned.tuning["val/accuracy"]}))
    assert chosen_rates(turned).frame["learning_rate"].tolist() != [0.1, 1.0, 0.1, 0.1]


def test_of_equally_good_rates_the_smallest_is_taken():
    runs = pd.DataFrame({"loss": "mse", "learning_rate": [1.0, 0.1, 0.01], "val/accuracy": [0.9, 0.9, 0.1]})
    assert choose(runs, ["loss"])["learning_rate"].item() == 0.1


def test_a_loss_that_diverges_at_every_rate_has_none():
    runs = pd.DataFrame({"loss": "mse", "learning_rate": [1.0, 0.1], "val/accuracy": [np.nan, np.nan]})
    assert choose(runs, ["loss"])["learning_rate"].isna().item()


def test_a_loss_that_fails_at_every_rate_is_compared_at_the_best_of_them():
    runs = pd.DataFrame({"loss": "mse", "learning_rate": [0.1, 1.0, 10.0], "val/accuracy": [0.10, 0.12, 0.11]})
    assert choose(runs.assign(num_classes=10), ["loss"])["learning_rate"].item() == 1.0


def test_missing_are_the_tuning_runs_then_the_runs_at_the_chosen_rates():
    first = survey([], study(READS, tuning_seeds=TUNING), "tuned").missing
    assert len(first) == 2 * 2 * 3 * 2
    assert {cell["seed"] for cell in first} == set(TUNING)
    then = survey(tuning_runs(), study(READS, tuning_seeds=TUNING), "tuned").missing
    assert {(cell["model"], cell["loss"], cell["learning_rate"]) for cell in then} == {
        ("lenet5", "softmax_ce", 0.1),
        ("lenet5", "mse", 1.0),
        ("mlp", "softmax_ce", 0.1),
        ("mlp", "mse", 0.1),
    }
    assert survey([*tuning_runs(), *final_runs()], study(READS, tuning_seeds=TUNING), "tuned").missing == []
    one_short = survey(tuning_runs()[1:], study(READS, tuning_seeds=TUNING), "tuned").missing
    assert one_short[0]["seed"] in TUNING  # and so no rate is chosen yet for this loss on this model
    assert [cell for cell in then if cell not in one_short] == [c for c in then if same(c, one_short[0])]


def same(cell, other):
    return all(cell[name] == other[name] for name in ("model", "loss"))


def test_combinations_outside_the_study_are_not_missed_and_their_runs_are_foreign():
    def where(cell):
        return cell["model"] == "lenet5" or cell["learning_rate"] < 1

    found = survey(tuning_runs(), study(READS, tuning_seeds=TUNING, where=where), "tuned")
    foreign = found.excluded[found.excluded["reason"].str.startswith("foreign")]
    assert len(foreign) == 2 * 2  # of either loss, both tuning seeds of the mlp at rate 1
    assert foreign["reason"].str.contains("model=mlp .*learning_rate=1.0").all()
    assert not [cell for cell in found.missing if not where(cell)]


def test_a_loss_that_is_planned_in_no_such_setting_is_missed_by_nobody():
    def where(cell):
        return cell["model"] == "lenet5" or cell["loss"] == "softmax_ce"

    planned = [one for one in tuning_runs() + final_runs() if (one.tags["model"], one.loss) != ("mlp", "mse")]
    thinned = study(READS, tuning_seeds=TUNING, where=where)
    assert select(planned, thinned, "tuned").excluded.empty
    one_short = [one for one in planned if one.name != "lenet5-mse-lr1.0-s9"]
    left_out = dict(select(one_short, thinned, "tuned").excluded.itertuples(index=False))
    assert left_out["lenet5-softmax_ce-lr0.1-s9"].startswith("unpaired: no usable run of mse;")
    assert len(left_out) == 2  # and the one that is missing


def test_tuning_runs_alone_are_too_few_and_say_what_to_do():
    with pytest.raises(TooFewRunsError, match=r"0 usable, 24 for tuning, 1 diverged.*train them first: this way"):
        select(tuning_runs(), study(READS, tuning_seeds=TUNING), "tuned", "this way")


def test_verdicts_are_at_each_loss_its_own_rate_and_at_equal_rates_where_both_were_trained(tmp_path):
    files = rows.to_files(evidence([*tuning_runs(), *final_runs()]))
    files["runs.csv"] = rows.from_files(files).runs.assign(study_digest="").to_csv(index=False).encode()
    made = build.build("tuned", STUDY, Path(__file__), files, tmp_path / "tuned").tables
    by_setting = made["verdicts_by_setting"].frame.set_index("model")["verdict"]
    assert by_setting.to_dict() == {"lenet5": "contradicted", "mlp": "inconclusive"}
    # Of mse on the mlp, one tuning seed of two diverged at the rate where the other did best: the choice is a toss.
    numbers = made["verdicts_by_setting"].frame.set_index("model")
    assert numbers.loc["mlp", "mean"] == pytest.approx(0.1, abs=0.001)
    assert numbers.loc["mlp", "ci_low"] < 0 < numbers.loc["lenet5", "ci_high"] + 0.02
    assert "1 contradicted, 1 inconclusive" in made["verdicts"].shown["evidence"].item()
    # On lenet5 the two losses share no rate.
    equal = made["verdicts_at_equal_rates"].frame
    assert (equal["n"].item(), equal["verdict"].item()) == (8, "supported")
    assert (tmp_path / "tuned" / "rows" / "tuning.csv").exists()


def test_equal_accuracies_whose_mean_rounds_are_drawn():
    equal = evidence([*tuning_runs(), *final_runs()])
    equal.tuning[CHOSEN_BY] = 0.1
    thrice = pd.concat([equal.tuning, equal.tuning.query("seed == 1")])
    assert np.mean([0.1] * 3) > 0.1
    assert len(accuracy_by_rate(replace(equal, tuning=thrice)).axes) == 2


def test_runs_at_the_rates_that_the_report_will_compare_are_expected_and_no_others():
    """At .15, little above the chance of ten classes, a loss has not learned: one rule says so to sweep and report."""
    tracked = tuning_runs()
    for one in tracked:
        if one.params["learning_rate"] == "1.0" and one.tags["loss"] == "mse" and one.seed == 1:
            one.status, one.metrics["val/accuracy"] = "complete", 0.15
    both = study(READS, tuning_seeds=TUNING)
    missing = survey(tracked, both, "tuned").missing
    tracked += [run(cell["model"], cell["loss"], cell["learning_rate"], cell["seed"]) for cell in missing]
    assert survey(tracked, both, "tuned").missing == []
    compared = rates.at_best_rates(evidence(tracked)).runs
    assert len(compared) == len(missing) == 4 * len(READS["seed"])
    assert {cell["learning_rate"] for cell in missing if cell["loss"] == "mse"} == {0.1}


def test_a_rate_for_each_question():
    """NLL is best at the smallest rate: its runs are expected, too, and judged apart."""
    tracked = tuning_runs()
    for one in tracked:
        one.metrics["val/nll"] = float(one.params["learning_rate"])
    each = study(READS, tuning_seeds=TUNING, tuned_for=("val/accuracy", "val/nll"))
    missing = survey(tracked, each, "tuned").missing
    assert {cell["learning_rate"] for cell in missing if cell["loss"] == "softmax_ce"} == {0.1, 0.01}
    tracked += [run(cell["model"], cell["loss"], cell["learning_rate"], cell["seed"]) for cell in missing]
    views = {name: found for name, found, _ in rates.views(evidence(tracked), each.tuned_for)}
    assert len(views["tuned_for_nll"].runs) == 4 * len(READS["seed"])
    assert views["tuned_for_nll"].runs["test/accuracy"].mean() < 0.8


def test_a_run_that_is_tested_at_its_best_epoch_is_tuned_at_that_epoch():
    last = {"val/accuracy": 0.7, "best/val/accuracy": 0.9, "best/epoch": 3.0}
    tested = {
        name: Run("mse", 0, metrics={**last, "test/epoch": epoch}) for name, epoch in (("last", 6.0), ("best", 3.0))
    }
    assert {name: tuning_scores(run)["val/accuracy"] for name, run in tested.items()} == {"last": 0.7, "best": 0.9}
