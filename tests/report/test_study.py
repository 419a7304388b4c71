"""A study that can't be answered is refused in a line."""

from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from ce_harness.cli.composing import Configs
from ce_harness.cli.training_commands import TrainingCommands
from ce_harness.errors import ConfigError
from ce_harness.report import build
from ce_harness.report.evidence import rows
from ce_harness.report.evidence.selection import select, survey
from ce_harness.report.output.figures import differences
from ce_harness.report.output.tables import paired_differences
from ce_harness.report.study import TUNED_FOR, Claim, Evidence, Study
from ce_harness.report.verdicts.outcomes import outcome
from ce_harness.report.verdicts.tuning import METRICS
from tests.report.synthetic import Run, runs, study

LOSSES = ["softmax_ce", "mse"]
READS = {"loss": LOSSES, "seed": [0, 1]}


@pytest.mark.parametrize(
    ("reads", "tuning_seeds", "refusal"),
    [
        (READS, (7,), "reads names no learning_rate: tuning_seeds choose among its values; add its values"),
        ({"seed": [0, 1]}, (), "reads names no loss: every study must; add its values: 'loss': [...]"),
        (READS | {"model": "mlp"}, (), "reads: model='mlp': allowed is a list of values; write ['mlp']"),
        (READS | {"learning_rate": [0.1]}, (1, 2), "tuning_seeds and reads share the seeds [1]: what chooses"),
    ],
)
def test_seeds_and_rates_that_do_not_go_together(reads, tuning_seeds, refusal):
    with pytest.raises(ConfigError) as raised:
        Study("Which?", {}, reads=reads, tuning_seeds=tuning_seeds)
    assert str(raised.value).startswith(refusal)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"relation": "larger"}, "claim 'It is better': relation='larger': allowed is one of greater, less, equal"),
        ({"margin": 0}, "claim 'It is better': margin=0: allowed is a number above 0"),
        ({"margin": 0.9, "ratio": True}, "claim 'It is better': margin=0.9: allowed is a number above 1"),
        ({"first": "msee"}, "claim 'It is better': msee: allowed is a loss that reads names: softmax_ce, mse"),
    ],
)
def test_a_claim_that_could_decide_nothing(changed, refusal):
    rule = {"first": "softmax_ce", "second": "mse", "relation": "greater", "margin": 0.1}
    with pytest.raises(ConfigError) as raised:
        study(READS, claims=(Claim("It is better", "test/accuracy", **rule | changed),))
    assert str(raised.value) == refusal


def test_what_chooses_on_validation_is_known():
    assert set(TUNED_FOR) == set(METRICS)
    with pytest.raises(ConfigError, match=r"^tuned_for: 'val/f1': allowed are val/accuracy, val/nll, val/brier$"):
        study(READS, tuned_for=("val/f1",))


def test_a_claim_about_a_metric_that_no_run_has(tmp_path):
    claimed = study(READS, claims=(Claim("It glows", "test/glow", *LOSSES, "greater", margin=0.1),))
    selection = select(runs(LOSSES, 2), claimed, "mine")
    row_files = rows.to_files(rows.from_runs(selection, READS))
    with pytest.raises(ConfigError, match=r"^claim 'It glows': no run has the metric 'test/glow'; they have test/acc"):
        build.build("mine", claimed, Path(__file__), row_files, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_callback_has_logged_is_judged_at_the_last_epoch():
    frame = pd.DataFrame({"run": ["a", "b"], "loss": LOSSES, "seed": [0, 0]})
    epochs = pd.DataFrame({"run": ["a", "a", "b", "b"], "epoch": [1, 2, 1, 2], "train/f1": [0.1, 0.2, 0.3, 0.4]})
    assert outcome(Evidence(runs=frame, epochs=epochs), "train/f1").tolist() == [0.2, 0.4]


def test_runs_of_which_some_are_scored_within_epochs_are_compared_at_the_ends():
    some = runs(LOSSES, 2)
    some[0].params["evaluate_every"] = "0.5"
    evidence = rows.from_runs(select(some, study(READS), "mine"), READS)
    assert len(evidence.runs) == 4
    assert (evidence.epochs["epoch"] % 1 == 0).all()


def test_values_that_are_lists_are_those_that_runs_tell():
    reads = READS | {"model.hidden_units": [[64], [128, 64]]}
    some = [Run(loss, seed, params={"model.hidden_units": units})
            for loss in LOSSES for seed in (0, 1) for units in ("[64]", "[128, 64]")]  # fmt: skip
    asked = study(reads)
    assert len(select(some, asked, "mine").runs) == 8
    missing = survey(some[1:], asked, "mine").missing
    (command,) = TrainingCommands("ce-run", Configs(), "mine").of_missing(missing, ())
    assert command == "ce-run -m study=mine loss=softmax_ce seed=0 'model.hidden_units=[64]'"


@pytest.mark.parametrize("made", [paired_differences, partial(differences, metrics=["test/nll"])])
def test_a_reference_of_which_there_is_no_run(made):
    evidence = rows.from_runs(select(runs(LOSSES, 2), study(READS), "mine"), READS)
    with pytest.raises(ConfigError, match=r"^reference='msee': allowed is a loss of the runs: softmax_ce, mse$"):
        made(evidence, reference="msee")
