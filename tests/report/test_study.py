"""A study that can't be answered is refused in a line."""

from pathlib import Path

import pandas as pd
import pytest

from ce_harness.errors import ConfigError
from ce_harness.report import build
from ce_harness.report.evidence import rows
from ce_harness.report.evidence.selection import select
from ce_harness.report.study import Claim, Evidence, Study
from ce_harness.report.verdicts.outcomes import outcome
from tests.report.synthetic import runs, study

LOSSES = ["softmax_ce", "mse"]
READS = {"loss": LOSSES, "seed": [0, 1]}


@pytest.mark.parametrize(
    ("reads", "tuning_seeds", "refusal"),
    [
        (READS, (7,), "reads names no learning_rate: tuning_seeds choose among its values; add its values"),
        ({"seed": [0, 1]}, (), "reads names no loss: every study must; add its values: 'loss': [...]"),
        (READS | {"learning_rate": [0.1]}, (1, 2), "tuning_seeds and reads share the seeds [1]: what chooses"),
    ],
)
def test_seeds_and_rates_that_do_not_go_together(reads, tuning_seeds, refusal):
    with pytest.raises(ConfigError) as raised:
        Study("Which?", {}, reads=reads, tuning_seeds=tuning_seeds)
    assert str(raised.value).startswith(refusal)


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
