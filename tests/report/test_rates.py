"""Learning rates chosen per loss, and comparisons made at them."""

import pytest
from synthetic import Run

from ce_harness.report import rows
from ce_harness.report.claims import judge
from ce_harness.report.rates import at_best_rates, chosen_rates
from ce_harness.report.runs import select
from ce_harness.report.study import Claim

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
    kept, excluded = select(tracked, reads, "rates")
    return rows.from_csv(rows.to_csv(rows.from_runs(kept, reads, excluded)))


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
