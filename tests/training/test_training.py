"""A run from config to tracked metrics."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from ce_harness.config import checked
from ce_harness.errors import ConfigError
from ce_harness.metrics import score
from ce_harness.rundir.directory import RunDirectory
from ce_harness.tracking import reading
from ce_harness.training import train_and_evaluate
from tests.conftest import ROOT

TEST_METRICS = {
    "test/accuracy",
    "test/error",
    "test/nll",
    "test/brier",
    "test/mse_mean",
    "test/ece",
    "test/nll_calibrated",
    "test/ece_calibrated",
}
EPOCH_METRICS = {"train/loss", "train/accuracy", "val/loss", "val/accuracy", "val/nll", "val/brier"}


def tracked(config):
    (run,) = reading.read_runs(config.tracking_uri, config.study)
    return run


def history(config, key):
    """Every point the store holds under a key, as (step, value)."""
    from ce_harness.tracking.store import open_store

    points = open_store(config.tracking_uri).get_metric_history(tracked(config).run_id, key)
    return [(point.step, point.value) for point in points]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, migrated_store):
    """One finished run and what it returned; read by several tests."""
    import shutil

    from hydra import compose, initialize_config_dir

    from tests.conftest import TINY

    runs_dir = tmp_path_factory.mktemp("runs")
    shutil.copy(migrated_store, runs_dir / "mlflow.db")
    with initialize_config_dir(os.path.join(ROOT, "conf"), version_base="1.3"):
        config = compose("config", [*TINY, f"runs_dir={runs_dir}", "log_every_n_steps=5"])
    return config, train_and_evaluate(config)


def test_it_returns_the_contracts_test_metrics(finished):
    _, metrics = finished
    assert set(metrics) >= TEST_METRICS
    assert metrics["test/accuracy"] + metrics["test/error"] == pytest.approx(1)
    assert metrics["test/brier"] == pytest.approx(10 * metrics["test/mse_mean"])


def test_the_store_holds_what_the_contract_lists(finished):
    config, metrics = finished
    run = tracked(config)
    assert run.name == "digits-softmax_regression-softmax_ce-s0"
    assert run.status == "complete"
    assert {name: run.metrics[name] for name in metrics} == pytest.approx(metrics)
    assert run.params["learning_rate"] == "0.05"
    assert run.params["dataset.limit"] == "64"
    assert len(run.tags["dataset_digest"]) == 64
    assert {
        "dataset",
        "model",
        "loss",
        "optimizer",
        "seed",
        "study",
        "config_hash",
        "git_commit",
        "git_dirty",
    } <= set(run.tags)
    assert "threads=1" in run.tags["fingerprint"]


def test_points_are_per_epoch_and_per_nth_step_and_never_twice(finished):
    config, _ = finished
    for key in EPOCH_METRICS:
        assert [step for step, _ in history(config, key)] == [1, 2, 3]
    # 3 epochs of 4 steps: the first step, and every fifth.
    for key in (
        "step/loss",
        "grad_norm/global",
        "grad_norm/logits",
        "grad_norm/variable/softmax_regression/head/bias",
    ):
        assert [step for step, _ in history(config, key)] == [1, 5, 10]


def test_artifacts_hold_every_step_and_agree_with_the_points(finished):
    config, _ = finished
    run = tracked(config)
    steps = run.steps()
    assert steps["step"].tolist() == list(range(1, 13))
    assert history(config, "grad_norm/global")[1][1] == steps["grad_norm/global"][4]
    bins = run.gradient_bins()
    assert (bins.groupby("epoch")["count"].sum() == 64).all()
    diagrams = run.reliability()
    assert (diagrams.groupby("calibrated")["count"].sum() == 64).all()
    assert run.epochs()["val/accuracy"].tolist() == [value for _, value in history(config, "val/accuracy")]


def test_the_predictions_of_every_test_image_give_the_scores(finished):
    config, metrics = finished
    with np.load(RunDirectory.of(checked(config)).artifacts / "predictions.npz", allow_pickle=False) as kept:
        labels, logits = kept["labels"], kept["logits"]
        assert kept["class_names"].tolist() == list("0123456789")
    assert (labels.dtype.kind, logits.dtype) == ("i", np.float32)
    scores = score(labels, logits)
    assert {name: metrics[f"test/{name}"] for name in scores} == scores


def test_examples_that_are_wrong_pull_their_true_class_up(finished):
    """Softmax cross-entropy: -dl/dz_y is 1 - p_true, so its mean lies within the bin."""
    config, _ = finished
    bins = tracked(config).gradient_bins().query("count > 0")
    pull = bins["mean_true_class_gradient"]
    assert pull.between(1 - bins["p_high"] - 1e-6, 1 - bins["p_low"] + 1e-6).all()


@pytest.mark.slow
def test_the_validation_set_can_be_scored_within_an_epoch_without_changing_a_bit(composed, tmp_path):
    """Twelve steps in three epochs; every quarter of an epoch is a step. The points carry the step."""
    often, plain = composed("evaluate_every=0.25"), composed(f"runs_dir={tmp_path}")
    for config in (often, plain):
        train_and_evaluate(config)
    runs = [RunDirectory.of(checked(config)) for config in (often, plain)]
    assert runs[0].outcome["weights"] == runs[1].outcome["weights"]
    within, at_ends = (pd.read_csv(run.artifacts / "evaluations.csv") for run in runs)
    assert within["step"].tolist() == list(range(1, 13))
    assert at_ends["step"].tolist() == [4, 8, 12]
    pd.testing.assert_frame_equal(within[within["step"] % 4 == 0].reset_index(drop=True), at_ends)
    assert history(often, "step/val/accuracy") == list(zip(within["step"], within["val/accuracy"], strict=True))
    assert history(plain, "step/val/accuracy") == []


def test_the_dataset_is_logged_with_its_own_digest_and_the_balance_of_its_classes(finished):
    from ce_harness.tracking.store import open_store

    config, _ = finished
    run = open_store(config.tracking_uri).get_run(tracked(config).run_id)
    (logged,) = run.inputs.dataset_inputs
    profile = json.loads(logged.dataset.profile)
    assert profile["sha256"] == run.data.tags["dataset_digest"]
    assert set(profile["class_counts"]) == {"train", "validation", "test"}
    for counts in profile["class_counts"].values():
        assert sum(counts.values()) == 64
        assert set(counts) == set("0123456789")
        assert set(counts.values()) == {6, 7}


def test_a_complete_run_is_not_trained_again(finished, monkeypatch):
    config, metrics = finished
    monkeypatch.setattr(keras.Model, "fit", lambda *_, **__: pytest.fail("trained again"))
    assert train_and_evaluate(config) == metrics


def first_steps(config):
    train_and_evaluate(config)
    path = RunDirectory.of(checked(config)).artifacts / "steps.npz"
    with np.load(path) as series:
        return pd.DataFrame(series["values"], columns=series["columns"])


def test_runs_of_equal_seed_are_pairs(composed):
    """Ours and TensorFlow's cross-entropy start from the same weights and see the same batches."""
    ours, builtin, mse = (first_steps(composed(f"loss={loss}")) for loss in ("softmax_ce", "builtin_ce", "mse"))
    other_seed = first_steps(composed("seed=1"))
    np.testing.assert_allclose(ours.iloc[0], builtin.iloc[0], rtol=2e-6)
    np.testing.assert_allclose(ours, builtin, rtol=1e-4)
    assert mse["loss"][0] == pytest.approx(0.9, abs=0.15)  # uniform predictions: Brier score 0.9
    assert ours["loss"][0] == pytest.approx(2.3026, abs=0.3)
    assert ours["loss"][0] != other_seed["loss"][0]


def test_mean_over_classes_is_the_sum_at_a_tenth_of_the_rate(composed):
    """K = 10 classes, plain SGD: mse_mean at rate 10 r takes the very steps of mse at rate r."""
    summed = first_steps(composed("loss=mse", "optimizer.momentum=0", "learning_rate=0.05"))
    mean = first_steps(composed("loss=mse_mean", "optimizer.momentum=0", "learning_rate=0.5"))
    np.testing.assert_allclose(10 * mean, summed, rtol=1e-4)


@pytest.mark.slow
def test_the_same_config_gives_the_same_bits_in_a_used_process(composed, tmp_path):
    overrides = ("model=convnet", "optimizer=adam", "learning_rate=0.001", "epochs=2")
    configs = [composed(*overrides, f"runs_dir={tmp_path / name}") for name in ("a", "b")]
    train_and_evaluate(configs[0])
    keras.utils.set_random_seed(99)
    keras.config.set_dtype_policy("mixed_bfloat16")
    train_and_evaluate(configs[1])
    outcomes = [RunDirectory.of(checked(config)).outcome | {"journal": ""} for config in configs]  # it has times
    assert outcomes[0] == outcomes[1]
    steps = [(RunDirectory.of(checked(config)).artifacts / "steps.npz").read_bytes() for config in configs]
    assert steps[0] == steps[1]


def test_an_option_that_the_target_does_not_take_is_refused(composed):
    config = composed("model.head_stddev=1", "+model.units=3")
    with pytest.raises(ConfigError, match=r"model=softmax_regression: ce_harness\.models\.softmax_regression: .*units"):
        train_and_evaluate(config)
    assert reading.read_runs(config.tracking_uri, config.study) == []
    assert not RunDirectory.of(checked(config)).path.exists()


@pytest.mark.skipif(
    not os.path.isdir("/usr/share/datasets/fashion-mnist"), reason="needs Debian's dataset-fashion-mnist"
)
def test_one_epoch_on_the_real_fashion_mnist(composed):
    config = composed("dataset=fashion_mnist", "dataset.limit=10000", "epochs=1", "batch_size=50", "learning_rate=0.01")
    metrics = train_and_evaluate(config)
    assert tracked(config).tags["dataset"] == "fashion_mnist"
    assert 0.75 < metrics["test/accuracy"] < 0.88  # softmax regression is known to reach 0.84 after many epochs


# Trains, and prints when MLflow was loaded, and how many steps were done when the feed first heard of the run.
LOADS_LATE = """
import sys
from ce_harness.training import loop, validation
from omegaconf import OmegaConf

validation.STEPS_PER_EXECUTION = 2
print("mlflow" in sys.modules)

class Save(loop.SaveEpochs):
    def on_train_begin(self, logs=None):
        global save
        save = self
        print("mlflow" in sys.modules)

class BackgroundUploader(loop.BackgroundUploader):
    def notify(self):
        print(int(save.model._step))
        super().notify()

loop.SaveEpochs, loop.BackgroundUploader = Save, BackgroundUploader
loop.train_and_evaluate(OmegaConf.create(sys.argv[1]))
print("mlflow" in sys.modules)
"""


@pytest.mark.slow
def test_mlflow_loads_beside_the_training_not_before_it(composed):
    config = composed("epochs=1")
    called = [sys.executable, "-c", LOADS_LATE, OmegaConf.to_yaml(config)]
    done = subprocess.run(called, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["False", "False", "2", "4", "True"]  # one epoch has four steps
    assert tracked(config).status == "complete"
