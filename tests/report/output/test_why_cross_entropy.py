"""The tutorial's table of claims with a verdict in each row, and the rule for "captures confidence"."""

from dataclasses import replace

import numpy as np
import pytest

from ce_harness.report.evidence import rows
from ce_harness.report.evidence.selection import select
from ce_harness.report.output.why import why_cross_entropy
from ce_harness.report.verdicts import rank_agreement
from experiments.demo import CLAIMS
from tests.report.synthetic import Run, runs, study

LOSSES = ["softmax_ce", "builtin_ce", "mse"]


def evidence(seeds=10, **settings):
    tracked = runs(LOSSES, seeds, **settings)
    reads = {"loss": LOSSES, "seed": range(seeds)}
    return rows.from_files(rows.to_files(rows.from_runs(select(tracked, study(reads), "demo"), reads)))


def scored(brier, seeds=10):
    """Runs of three errors, whose NLL is noise beside them, and whose Brier score is ``brier(error, nll)``."""
    found = evidence(seeds)
    error = found.runs["seed"] % 3 / 100
    nll = np.random.default_rng(1).normal(1, 0.1, len(found.runs))
    scores = {"test/error": error, "test/nll": nll, "test/brier": brier(error, nll)}
    return replace(found, runs=found.runs.assign(**scores))


@pytest.mark.parametrize(
    ("brier", "expected", "agreement"),
    [
        (lambda error, nll: error + nll, "contradicted", 1),  # tells models of equal error apart, as NLL does
        (lambda error, nll: error - nll, "supported", 0),  # says the opposite of NLL
        (lambda error, nll: 2 * error, "inconclusive", None),  # is equal where the error is: no pair tells
    ],
)
def test_mse_captures_confidence_if_it_agrees_with_nll_at_equal_error(brier, expected, agreement):
    judged = rank_agreement.judge(scored(brier))
    assert judged["verdict"].item() == expected
    if agreement is not None:
        # Of 3 losses and 10 seeds, 4 seeds share the first error and 3 each of the others.
        assert judged["pairs"].item() == 66 + 36 + 36
        assert judged["agreement"].item() == agreement


def test_five_seeds_do_not_decide_on_confidence():
    judged = rank_agreement.judge(scored(lambda error, nll: error + nll, seeds=5))
    assert judged["verdict"].item() == "inconclusive"
    assert np.isnan(judged["ci_low"].item())


def test_a_loss_that_trains_no_probabilities_takes_no_part():
    found = scored(lambda error, nll: error + nll)
    found.runs["loss"] = found.runs["loss"].replace("mse", "mse_logits")
    assert rank_agreement.judge(found)["runs"].item() == 20


def test_each_claim_of_the_tutorial_has_its_verdict():
    found = evidence(softmax_ce={"accuracy": 0.99}, mse={"accuracy": 0.85, "grad_norm": 0.2})
    frame = why_cross_entropy(found, CLAIMS).frame.set_index("claim")
    assert frame["verdict"].to_dict() == {
        "Low gradients early in training": "supported",
        "Stronger feedback on bad predictions": "equivalent",  # made-up logit gradients are those of both losses
        "Captures confidence in prediction": "inconclusive",  # hardly two made-up runs have equal errors
        "Faster convergence": "supported",
        "Better gradients": "inconclusive",  # older runs did not measure -dl/dz_y
        "Better convergence": "supported",
        "More accurate training": "supported",
    }
    assert frame.loc["Captures confidence in prediction", ["MSE", "cross-entropy"]].tolist() == ["no", "yes"]


def test_of_several_settings_it_says_how_many_got_which_verdict():
    lenet = runs(LOSSES, 10, mse={"accuracy": 0.85})
    mlp = [
        Run(
            loss,
            seed,
            name=f"mlp-{loss}-{seed}",
            tags={"model": "mlp"},
            accuracy=0.85 if loss == "softmax_ce" else 0.95,
        )
        for loss in LOSSES
        for seed in range(10)
    ]
    reads = {"model": ["lenet5", "mlp"], "loss": LOSSES, "seed": range(10)}
    both = rows.from_files(rows.to_files(rows.from_runs(select([*lenet, *mlp], study(reads), "demo"), reads)))
    row = why_cross_entropy(both, CLAIMS).frame.set_index("claim").loc["More accurate training"]
    assert (row["verdict"], row["in each setting"]) == ("depends", "1 supported, 1 contradicted")


def test_a_claim_the_study_does_not_make_is_not_tested():
    frame = why_cross_entropy(evidence(), CLAIMS[:1]).frame.set_index("claim")
    assert frame.loc["Faster convergence", "verdict"] == "not tested"
