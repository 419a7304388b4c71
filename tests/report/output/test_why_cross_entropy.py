"""The tutorial's table of claims with a verdict in each row, and the rule for "captures confidence"."""

import numpy as np
import pytest
from scipy import stats

from ce_harness.report.evidence import rows
from ce_harness.report.evidence.selection import select
from ce_harness.report.output.why import why_cross_entropy
from ce_harness.report.verdicts import rank_agreement
from experiments.demo import CLAIMS
from tests.report.synthetic import Run, runs

LOSSES = ["softmax_ce", "builtin_ce", "mse"]


def evidence(seeds=10, **settings):
    tracked = runs(LOSSES, seeds, **settings)
    reads = {"loss": LOSSES, "seed": range(seeds)}
    return rows.from_files(rows.to_files(rows.from_runs(select(tracked, reads, "demo"), reads)))


def scored(brier, seeds=10):
    """Runs whose NLL is noise beside their error, and whose Brier score is ``brier(error, nll)``."""
    found = evidence(seeds)
    nll = np.random.default_rng(1).normal(1, 0.1, len(found.runs))
    found.runs["test/nll"] = nll
    found.runs["test/brier"] = brier(found.runs["test/error"], nll)
    return found


@pytest.mark.parametrize(
    ("brier", "expected"),
    [
        (lambda error, nll: error + nll, "contradicted"),  # tells models of equal error apart, as NLL does
        (lambda error, nll: 2 * error, "supported"),  # says no more than the error
        (lambda error, nll: error - nll, "supported"),  # says the opposite of NLL
    ],
)
def test_mse_captures_confidence_if_it_agrees_with_nll_at_equal_error(brier, expected):
    assert rank_agreement.judge(scored(brier))["verdict"].item() == expected


def test_five_seeds_do_not_decide_on_confidence():
    found = rank_agreement.judge(scored(lambda error, nll: error + nll, seeds=5))
    assert found["verdict"].item() == "inconclusive"
    assert np.isnan(found["ci_low"].item())


def test_losses_that_differ_as_a_group_add_nothing_within_a_loss():
    """NLL and Brier score agree from model to model of a loss; from loss to loss they disagree."""
    found = scored(lambda error, nll: nll)
    group = found.runs["loss"].map({"softmax_ce": 0, "builtin_ce": 10, "mse": 20})
    found.runs["test/nll"] += group
    found.runs["test/brier"] -= group
    judged = rank_agreement.judge(found)
    assert judged["correlation"].item() < 0
    assert judged["within_loss"].item() > 0.9


def test_partial_correlation_of_ranks_against_its_formula():
    x, y, z = np.random.default_rng(0).normal(size=(3, 40)) + np.linspace(0, 2, 40)
    xy, xz, yz = (stats.spearmanr(*pair).statistic for pair in ((x, y), (x, z), (y, z)))
    by_hand = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    ranks = stats.rankdata(np.stack([x, y, z], axis=1), axis=0)
    assert rank_agreement.partial_correlation(ranks, np.ones(40)) == pytest.approx(by_hand)


def test_each_claim_of_the_tutorial_has_its_verdict():
    found = evidence(softmax_ce={"accuracy": 0.99}, mse={"accuracy": 0.85, "grad_norm": 0.2})
    frame = why_cross_entropy(found, CLAIMS).frame.set_index("claim")
    assert frame["verdict"].to_dict() == {
        "Low gradients early in training": "supported",
        "Stronger feedback on bad predictions": "equivalent",  # made-up logit gradients are those of both losses
        "Captures confidence in prediction": "supported",
        "Faster convergence": "supported",
        "Better gradients": "equivalent",
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
    both = rows.from_files(rows.to_files(rows.from_runs(select([*lenet, *mlp], reads, "demo"), reads)))
    row = why_cross_entropy(both, CLAIMS).frame.set_index("claim").loc["More accurate training"]
    assert (row["verdict"], row["in each setting"]) == ("inconclusive", "1 supported, 1 contradicted")


def test_a_claim_the_study_does_not_make_is_not_tested():
    frame = why_cross_entropy(evidence(), CLAIMS[:1]).frame.set_index("claim")
    assert frame.loc["Faster convergence", "verdict"] == "not tested"
