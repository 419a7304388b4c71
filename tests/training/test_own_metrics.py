"""Metrics of the user's own, from the config to a report; weights of classes."""

import keras
import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from ce_harness.config import checked
from ce_harness.errors import ConfigError
from ce_harness.report.evidence import rows
from ce_harness.report.evidence.selection import select
from ce_harness.report.output.tables import comparison
from ce_harness.report.study import Claim, Study
from ce_harness.report.verdicts.claims import judge_overall
from ce_harness.rundir.directory import RunDirectory
from ce_harness.tracking.reading import read_runs
from ce_harness.training import train_and_evaluate
from ce_harness.training.own_metrics import OwnMetrics

F1 = {"_target_": "keras.metrics.F1Score", "average": "macro"}
AUC = {"_target_": "keras.metrics.AUC", "multi_label": True, "num_thresholds": 2000}


def with_metrics(config, **by_name):
    config.metrics = by_name
    return config


def test_values_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 4, 300), rng.normal(size=(300, 4))
    logits[np.arange(300), labels] += 1
    own = OwnMetrics(
        {"f1": keras.metrics.F1Score(average="macro"), "auc": keras.metrics.AUC(multi_label=True, num_thresholds=2000)},
        num_classes=4,
    )
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for _ in range(2):  # nothing is left of the call before
        values = own(labels, logits)
        assert values["f1"] == pytest.approx(f1_score(labels, logits.argmax(axis=1), average="macro"), abs=1e-6)
        assert values["auc"] == pytest.approx(roc_auc_score(labels, probabilities, multi_class="ovr"), abs=2e-3)


def test_own_metrics_reach_the_store_and_a_report_by_their_names(composed):
    """Two losses, two seeds. The table and the claim know nothing of F1 but its name."""
    for loss in ("softmax_ce", "mse"):
        for seed in (0, 1):
            config = with_metrics(composed("epochs=2", f"loss={loss}", f"seed={seed}", "study=mine"), f1=F1)
            scores = train_and_evaluate(config)
            with np.load(RunDirectory.of(checked(config)).predictions, allow_pickle=False) as kept:
                expected = f1_score(kept["labels"], kept["logits"].argmax(axis=1), average="macro")
            assert scores["test/f1"] == pytest.approx(expected, abs=1e-6)
    runs = read_runs(config.tracking_uri, "mine")
    assert all({"val/f1", "test/f1"} <= run.metrics.keys() and len(run.epochs()["val/f1"]) == 2 for run in runs)
    reads = {"loss": ["softmax_ce", "mse"], "seed": [0, 1]}
    evidence = rows.from_runs(select(runs, Study("Which?", {}, reads=reads), "mine"), reads)
    table = comparison(evidence, metrics=["test/f1"]).frame.set_index("loss")
    assert table.loc["mse", "mean"] == evidence.runs.loc[evidence.runs["loss"] == "mse", "test/f1"].mean()
    claim = Claim("ours has a higher F1", "test/f1", "softmax_ce", "mse", relation="greater", margin=0.01)
    (verdict,) = judge_overall([claim], evidence).to_dict("records")
    assert verdict["n"] == 2
    assert verdict["mean"] == pytest.approx(table.loc["softmax_ce", "mean"] - table.loc["mse", "mean"])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nll", F1, r"metrics\.nll: every run has nll; give yours another name"),
        ("a/b", F1, r"metrics\.a/b: allowed is a name of letters"),
        ("f1", {"_target_": "keras.metrics.F1Score"}, r"its result has the shape \(10,\); it must be one number"),
        ("top", {"_target_": "keras.metrics.SparseTopKCategoricalAccuracy"}, r"take keras\.metrics\.TopKCateg"),
        ("acc", {"_target_": "keras.metrics.Accuracy"}, r"Accuracy takes class ids, and labels are one-hot here"),
        ("mean", {"_target_": "keras.metrics.Mean", "name": 3}, r"metrics\.mean: "),
        ("loss_", {"_target_": "keras.losses.MeanSquaredError"}, r"allowed is a class or function of keras\.metrics"),
    ],
)
def test_a_metric_that_can_not_be_used_is_one_line_before_training(composed, monkeypatch, name, options, message):
    monkeypatch.setattr(keras.Model, "fit", lambda *_, **__: pytest.fail("trained"))
    with pytest.raises(ConfigError, match=message):
        train_and_evaluate(with_metrics(composed(), **{name: options}))
