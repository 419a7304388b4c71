"""The answer in words on runs whose truth is known: the sentence says what the numbers say."""

from dataclasses import replace

import pandas as pd
import pytest

from ce_harness.report.build import Report
from ce_harness.report.evidence import rows
from ce_harness.report.evidence.selection import select
from ce_harness.report.output import answer, figures, style, terminal
from ce_harness.report.output.tables import comparison
from ce_harness.report.output.verdict_tables import View, verdicts
from ce_harness.report.output.wording import size
from ce_harness.report.study import Claim, Study, Table
from ce_harness.tracking import report_note
from tests.report.synthetic import Run, runs

LABELS = {"softmax_ce": "softmax + CE", "mse": "MSE (sum)"}
MORE_ACCURATE = Claim("CE is more accurate", "test/accuracy", "softmax_ce", "mse", relation="greater", margin=0.005)
LARGER = Claim(
    "CE has larger gradients", "early_grad_norm", "softmax_ce", "mse", relation="greater", margin=1.25, ratio=True
)
SOONER = Claim("CE is sooner there", "epochs_to/0.8", "softmax_ce", "mse", relation="less", margin=0.1)
EQUAL = Claim("Both are as accurate", "test/accuracy", "softmax_ce", "mse", relation="equal", margin=0.005)


READS = {"loss": ["softmax_ce", "mse"], "seed": range(10)}


def answered(claims, tracked, reads=None):
    reads = reads or READS
    study = Study("Which?", {}, reads=reads, claims=tuple(claims))
    evidence = rows.from_files(rows.to_files(rows.from_runs(select(tracked, study, "demo"), reads)))
    return answer.answer(study, evidence, {"verdicts": verdicts(View(evidence), claims)})


def of(accuracy, seeds=10, **more):
    """Runs of cross-entropy at 95%, and of MSE at the accuracy asked for."""
    tracked = runs(["softmax_ce", "mse"], seeds, mse={"accuracy": accuracy, **more})
    for run in tracked:
        run.tags["loss_label"] = LABELS[run.loss]
    return tracked


@pytest.mark.parametrize(
    ("accuracy", "in_words", "numbers"),
    [
        (0.90, "yes", "The test accuracy of softmax + CE is 5 points higher than that of MSE (sum) ("),
        (0.98, "no, the opposite", "The test accuracy of softmax + CE is 3"),
        (0.9499, "no difference that matters", "Less than 0.5 points would not matter."),
    ],
)
def test_a_claim_is_answered_with_its_difference_in_points(accuracy, in_words, numbers):
    (one,) = answered([MORE_ACCURATE], of(accuracy)).claims
    assert one.sentence.startswith(f"CE is more accurate: {in_words}. ")
    assert numbers in one.sentence
    assert ("points lower" in one.sentence) == (accuracy > 0.95)


@pytest.mark.parametrize(
    ("mean", "low", "high", "told"),
    [
        (0.05, 0.04, 0.06, "5 points higher (4 to 6)"),
        (-0.05, -0.06, -0.04, "5 points lower (4 to 6)"),
        (0.002, -0.001, 0.005, "0.2 points higher (0.1 lower to 0.5 higher)"),
        (-0.002, -0.005, 0.001, "0.2 points lower (0.1 higher to 0.5 lower)"),
        (-0.05, -0.1, 0, "5 points lower (0 to 10)"),
    ],
)
def test_an_interval_with_zero_within_says_of_each_end_on_which_side_it_lies(mean, low, high, told):
    assert size(MORE_ACCURATE, {"mean": mean, "ci_low": low, "ci_high": high}) == told


def test_a_gradient_is_told_beside_its_closed_form_and_summed_up_as_scale():
    found = answered([LARGER, SOONER], of(0.90, grad_norm=0.2))
    larger, sooner = found.claims
    assert larger.numbers[0].startswith("The gradient in the first epoch of softmax + CE is 5 times that of MSE (sum)")
    assert (
        larger.numbers[1] == "The closed form says 5 at a uniform prediction of 10 classes; a learning rate absorbs it."
    )
    assert "The time to 80% validation accuracy of softmax + CE is 0." in sooner.sentence
    assert "epochs shorter than that of MSE (sum)" in sooner.sentence
    assert found.summary == (
        "What holds: CE has larger gradients. CE is sooner there. What is scale: how much larger a gradient is at the "
        "start, a constant of the two losses that a learning rate absorbs. How far it carries: 20 runs, 10 of each "
        "loss in 1 setting (digits; lenet5; sgd)."
    )


def test_a_report_prints_what_holds_what_is_not_so_what_is_scale_and_how_far_it_carries(capsys, tmp_path):
    told = answered([LARGER, MORE_ACCURATE], of(0.98, grad_norm=0.2))
    terminal.show(Study("Which?", {}), Report({}, told), tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["Which?", "What holds:", "- CE has larger gradients: 5 times (5 to 5)"]
    assert lines[3] == "What is not so:"
    assert lines[4].startswith("- CE is more accurate: 3")
    rest = " ".join(lines[5:])
    assert rest.startswith("What is scale: how much larger a gradient is at the start, a constant of the two losses")
    assert "How far it carries: 20 runs, 10 of each loss in 1 setting (digits; lenet5; sgd)." in rest


def test_claims_about_no_measure_of_a_trained_network_show_no_table_of_measures(tmp_path, capsys):
    """As a claim about what a callback of one's own has logged."""
    study = Study("Which?", {"comparison": comparison}, reads=READS, claims=(LARGER,))
    evidence = rows.from_files(rows.to_files(rows.from_runs(select(of(0.90), study, "demo"), READS)))
    table = comparison(evidence)
    terminal.show(study, Report({"comparison": table}, answered([LARGER], of(0.90))), tmp_path)
    assert "test accuracy" not in capsys.readouterr().out


def test_equality_is_answered_as_equality():
    assert answered([EQUAL], of(0.9499)).claims[0].in_words == "yes, equal"
    assert answered([EQUAL], of(0.90)).claims[0].in_words == "no, they differ"


def test_too_few_seeds_decide_nothing_and_the_answer_says_how_many_can():
    found = answered(
        [MORE_ACCURATE, LARGER], of(0.90, 5, grad_norm=0.2), {"loss": ["softmax_ce", "mse"], "seed": range(5)}
    )
    assert found.summary.startswith(
        "These runs decide none of the 2 claims: 5 seeds show no difference, and 6 are the fewest that can."
    )
    assert [one.numbers[-1] for one in found.claims] == ["Too few seeds."] * 2


def test_what_is_decided_in_single_settings_alone_is_said():
    mlp = [Run(run.loss, run.seed, name=f"mlp-{run.name}", tags={"model": "mlp"}) for run in of(0.95)]
    reads = {"model": ["lenet5", "mlp"], "loss": ["softmax_ce", "mse"], "seed": range(10)}
    assert answered([MORE_ACCURATE], [*of(0.85), *mlp], reads).summary.startswith(
        "These runs do not decide it over all settings; in single settings some are decided."
    )


def test_what_depends_on_the_setting_says_in_how_many():
    other = [
        Run(loss, seed, name=f"mlp-{loss}-{seed}", tags={"model": "mlp"}, accuracy=accuracy)
        for loss, accuracy in (("softmax_ce", 0.85), ("mse", 0.95))
        for seed in range(10)
    ]
    reads = {"model": ["lenet5", "mlp"], "loss": ["softmax_ce", "mse"], "seed": range(10)}
    fades = Claim("It fades", "feedback_slope", "softmax_ce", "mse", "less", 0.25)
    one, unmeasured = answered([MORE_ACCURATE, fades], [*of(0.85), *other], reads).claims
    assert (one.in_words, unmeasured.in_words) == ("it depends on the setting", "not decided")
    assert one.numbers[-1] == "Setting by setting: 1 supported, 1 contradicted."


def test_nothing_measured_is_said():
    (one,) = answered([Claim("It fades", "feedback_slope", "softmax_ce", "mse", "less", 0.25)], of(0.9)).claims
    assert one.numbers == ("It was not measured, or the two losses share no seed.",)


def test_losses_of_one_label_keep_their_names():
    tracked = of(0.90)
    for run in tracked:
        run.tags["loss_label"] = "my loss"
    assert "of softmax_ce is 5 points higher than that of mse" in answered([MORE_ACCURATE], tracked).text


def test_the_tracked_experiment_is_described_by_the_answer(tmp_path, runs_dir):
    from ce_harness.tracking.store import open_store

    client = open_store(f"sqlite:///{runs_dir / 'mlflow.db'}")
    experiment = client.create_experiment("mine")
    client.create_run(experiment, tags={"study": "mine"})
    (tmp_path / "answer.md").write_text("CE is more accurate: yes.\n")
    report_note.note_report(f"sqlite:///{runs_dir / 'mlflow.db'}", "mine", tmp_path)
    told = client.get_experiment(experiment).tags["mlflow.note.content"]
    assert told.startswith("CE is more accurate: yes.\n")


def test_tables_and_figures_call_the_losses_by_their_labels():
    tracked = of(0.90)
    reads = {"loss": ["softmax_ce", "mse"], "seed": range(10)}
    selected = select(tracked, Study("Which?", {}, reads=reads), "demo")
    evidence = rows.from_files(rows.to_files(rows.from_runs(selected, reads)))
    assert list(comparison(evidence).shown) == ["metric", "softmax + CE", "MSE (sum)"]
    with style.paper():
        drawn = figures.differences(evidence, reference="softmax_ce", metrics=["test/accuracy", "test/nll"])
    assert [tick.get_text() for tick in drawn.axes[0].get_yticklabels()] == ["MSE (sum)"]
    assert drawn.get_supxlabel().startswith("loss minus softmax + CE")


def test_an_interval_beyond_the_margin_is_undecided_for_its_p_and_no_other_reason():
    claim = Claim("Keras's MSE trains worse", "test/accuracy", "mse", "softmax_ce", "less", margin=0.005)
    reads = {"loss": ["softmax_ce", "mse"], "seed": range(10)}
    study = Study("Which?", {}, reads=reads, claims=(claim, replace(claim, statement="Cross-entropy is last")))
    evidence = rows.from_files(rows.to_files(rows.from_runs(select(of(0.9), study, "demo"), reads)))
    row = {"n": 10, "mean": -0.2, "ci_low": -0.3, "ci_high": -0.1, "noise_floor": 0.0, "p_holm": 0.12}
    judged = pd.DataFrame([row | {"verdict": verdict} for verdict in ("inconclusive", "supported")])
    told = answer.answer(study, evidence, {"verdicts": Table("", judged)})
    assert told.claims[0].numbers[-1] == "Chance is not ruled out: p = 0.12, adjusted for the number of questions."
    assert "decide: Keras's MSE trains worse." in told.summary
    assert "holds: Cross-entropy is last." in told.summary
