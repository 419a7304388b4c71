"""A run of more epochs continues one of fewer that kept its checkpoint."""

import io

import numpy as np
import pytest
from rich.console import Console

from ce_harness.config import checked
from ce_harness.rundir.directory import RunDirectory
from ce_harness.tracking.reading import read_runs
from ce_harness.training import train_and_evaluate
from ce_harness.training.gradient_monitor import GradientMonitor

# Dropout's generator, Adam's moments and the mean of the weights are all part of what continues.
CONFIG = ("model=convnet", "optimizer=adam", "+optimizer.use_ema=true", "+optimizer.ema_momentum=0.9")
CONFIG += ("learning_rate=0.001", "early_stopping.restore_best_weights=false")


@pytest.fixture
def steps_taken(monkeypatch):
    """Epochs that were really trained, in order."""
    taken = []
    read = GradientMonitor.read_bins
    monkeypatch.setattr(GradientMonitor, "read_bins", lambda self: taken.append(int(self._step)) or read(self))
    return taken


def told(config):
    screen = io.StringIO()
    train_and_evaluate(config, Console(file=screen, width=200))
    return screen.getvalue()


@pytest.mark.slow
def test_it_continues_to_the_bits_of_a_run_of_all_epochs(composed, tmp_path, steps_taken):
    """Three epochs after two, beside five at once."""
    straight = composed(*CONFIG, "epochs=5", f"runs_dir={tmp_path / 'straight'}")
    train_and_evaluate(straight)
    del steps_taken[:]
    train_and_evaluate(composed(*CONFIG, "epochs=2", "keep_checkpoint=true"))
    more = composed(*CONFIG, "epochs=5", "keep_checkpoint=true")
    assert "epochs=5: continues after the 2 epochs of " in told(more)
    assert len(steps_taken) == 5
    ours, theirs = (RunDirectory.of(checked(config)) for config in (more, straight))
    assert ours.outcome["weights"] == theirs.outcome["weights"]
    assert ours.outcome["metrics"] == theirs.outcome["metrics"]
    for name in ("steps.npz", "epochs.csv", "gradient_bins.csv", "predictions.npz"):
        assert (ours.artifacts / name).read_bytes() == (theirs.artifacts / name).read_bytes()
    runs = {run.params["epochs"]: run for run in read_runs(more.tracking_uri, more.study)}
    assert runs["5"].tags["continued_from"].endswith(" epoch 2")
    assert runs["5"].epochs()["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert ours.finished(checked(more))


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["learning_rate_schedule=cosine"], "the rate of every step of learning_rate_schedule=cosine depends"),
        (["batch_size=8"], ""),  # no such run of fewer epochs
    ],
)
def test_it_begins_anew_where_it_must(composed, steps_taken, overrides, says):
    train_and_evaluate(composed("epochs=1", "keep_checkpoint=true", *[w for w in overrides if "schedule" in w]))
    del steps_taken[:]
    said = told(composed("epochs=2", "keep_checkpoint=true", *overrides))
    assert len(steps_taken) == 2
    assert says in said
    assert "continues" not in said


def test_a_complete_run_that_kept_no_checkpoint_is_trained_again_to_the_same_bits(composed):
    config = composed("epochs=1")
    train_and_evaluate(config)
    before = RunDirectory.of(checked(config)).outcome["weights"]
    config.keep_checkpoint = True
    train_and_evaluate(config)
    run = RunDirectory.of(checked(config))
    assert run.outcome["weights"] == before
    assert [file.name for file in run.kept.iterdir()] == ["epoch-000001.ckpt"]
    assert not np.any([run.checkpoints.exists(), run.steps.exists()])
