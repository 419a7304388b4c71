"""Keras's callbacks in a run: what they count survives a restart, what a run does itself is refused."""

import keras
import numpy as np
import pytest

from ce_harness import metrics
from ce_harness.config import checked
from ce_harness.errors import ConfigError
from ce_harness.rundir.directory import RunDirectory
from ce_harness.training import saving, train_and_evaluate
from ce_harness.training.saving import SaveEpochs
from ce_harness.training.tracked_names import tracked_names

PLATEAU = {"_target_": "keras.callbacks.ReduceLROnPlateau", "monitor": "val_loss", "patience": 2, "min_delta": 10.0}


def with_callback(config, **options):
    config.callbacks = {"mine": options}
    return config


def outcome(config):
    return RunDirectory.of(checked(config)).outcome | {"journal": ""}  # which has times


@pytest.mark.parametrize(
    ("callback", "overrides", "message"),
    [
        (PLATEAU, ["learning_rate_schedule=cosine"], "ReduceLROnPlateau sets the learning rate, and so does"),
        (PLATEAU, ["warmup_epochs=1"], "learning_rate_schedule=constant warmup_epochs=0"),
        (
            {"_target_": "keras.callbacks.EarlyStopping", "restore_best_weights": True, "baseline": 0.9},
            [],
            "set early_stopping.restore_best_weights=true",
        ),
        ({"_target_": "keras.callbacks.BackupAndRestore", "backup_dir": "backup"}, [], "restores itself; leave it out"),
    ],
)
def test_what_the_run_does_itself_is_refused(composed, callback, overrides, message):
    with pytest.raises(ConfigError, match=f"^callbacks.mine: .*{message}"):
        train_and_evaluate(with_callback(composed(*overrides), **callback))


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        ({"_target_": "keras.callbacks.EarlyStopping", "monitor": "val_acc"}, "monitor=val_acc: there is no such metr"),
        ({"_target_": "keras.callbacks.EarlyStopping", "monitor": "val_nll"}, "which way is better; add .*mine.mode"),
        (
            PLATEAU | {"monitor": "val_f1", "mode": "max"},
            "monitor=val_f1: .* allowed is one of loss, acc",
        ),
        (
            {"_target_": "keras.callbacks.ModelCheckpoint", "filepath": "m.keras", "monitor": "f1", "mode": "max"}
            | {"save_best_only": True},
            "monitor=f1: there is no such metric",
        ),
    ],
)
def test_a_monitor_that_keras_would_skip_is_refused(composed, callback, message):
    with pytest.raises(ConfigError, match=f"^callbacks.mine.monitor=.*{message}|^callbacks.mine.{message}"):
        train_and_evaluate(with_callback(composed(), **callback))


def test_a_metric_of_the_users_own_may_be_monitored(composed):
    config = composed("epochs=2")
    config.metrics = {"f1": {"_target_": "keras.metrics.F1Score", "average": "macro"}}
    stop = {"_target_": "keras.callbacks.EarlyStopping", "monitor": "val_f1", "mode": "max", "patience": 5}
    assert train_and_evaluate(with_callback(config, **stop))["test/epoch"] == 2


@pytest.mark.slow
def test_what_a_callback_counts_survives_a_restart(composed, tmp_path, monkeypatch):
    """No epoch improves the loss by ten: the rate falls after epochs 3 and 5. The restart is after epoch 2."""
    monkeypatch.setattr(saving, "SECONDS_BETWEEN_SAVES", 0.0)
    straight, stopped = (with_callback(composed("epochs=6", f"runs_dir={tmp_path / name}"), **PLATEAU) for name in "ab")
    train_and_evaluate(straight)

    def interrupt(self, epoch, logs=None, save=SaveEpochs.on_epoch_end):
        save(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SaveEpochs, "on_epoch_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train_and_evaluate(stopped)
    train_and_evaluate(stopped)
    assert outcome(stopped) == outcome(straight)


def test_keras_knows_which_way_the_accuracy_is_better(composed):
    stop = {"_target_": "keras.callbacks.EarlyStopping", "monitor": "val_accuracy", "patience": 1}
    config = with_callback(composed("epochs=20", "learning_rate=3"), **stop)
    train_and_evaluate(config)
    accuracies = [e["metrics"]["val/accuracy"] for e in RunDirectory.of(checked(config)).journal().of_kind("epoch")]
    assert accuracies[:-1] == sorted(set(accuracies[:-1]))
    assert accuracies[-1] <= accuracies[-2]


@pytest.mark.slow
@pytest.mark.parametrize("patience", [2, "null"])
def test_the_best_weights_are_scored_however_training_ends(composed, tmp_path, patience):
    """At this rate the network gets worse again. The weights are those behind the best epoch's validation scores."""
    stopping = f"{{metric: val/loss, patience: {patience}, restore_best_weights: true}}"
    overrides = ["learning_rate=3.0", "epochs=8"]
    scores = train_and_evaluate(composed(*overrides, f"early_stopping={stopping}"))
    best = int(scores["best/epoch"])
    assert scores["test/epoch"] == best < 8
    until_best = composed("learning_rate=3.0", f"epochs={best}", f"runs_dir={tmp_path}")
    assert train_and_evaluate(until_best)["test/nll"] == scores["test/nll"]


def test_an_epoch_has_all_of_its_steps_however_many_a_call_makes(composed):
    """Four batches an epoch, up to fifty steps a call."""
    config = composed("epochs=2")
    train_and_evaluate(config)
    epochs = RunDirectory.of(checked(config)).journal().of_kind("epoch")
    assert [epoch["step"] for epoch in epochs] == [4, 8]
    assert all({"train/loss", "train/accuracy"} <= epoch["metrics"].keys() for epoch in epochs)


class Logs(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["names"] = ["a", "b"]


def test_logs_that_are_no_numbers_are_named(composed):
    with pytest.raises(ConfigError, match=r"^callbacks: the logs of an epoch hold names=\['a', 'b'\]; allowed is one"):
        train_and_evaluate(with_callback(composed(), _target_="tests.training.test_callbacks.Logs"))
    assert tracked_names({"loss": np.float32(1.5), "val_f1": np.array([0.5])}) == {"train/loss": 1.5, "val/f1": 0.5}


def test_a_complete_run_is_trained_again_for_its_network_to_the_same_bits(composed):
    config = composed("epochs=1", "save_predictions=false")
    train_and_evaluate(config)
    before = outcome(config)
    config.save_predictions = True
    train_and_evaluate(config)
    run = RunDirectory.of(checked(config))
    assert (run.outcome["weights"], run.outcome["metrics"]) == (before["weights"], before["metrics"])
    with np.load(run.predictions, allow_pickle=False) as kept:
        assert metrics.accuracy(kept["labels"], kept["logits"]) == before["metrics"]["test/accuracy"]


def test_a_whole_learning_rate_is_a_real_number(composed):
    """Reduced by half it is 0.5; as an integer it would be 0."""
    assert isinstance(checked(composed("learning_rate=1")).learning_rate, float)
