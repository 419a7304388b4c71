"""The options that users of Keras expect of a training run."""

import io
import re

import keras
import numpy as np
import pytest
from rich.console import Console

from ce_harness.config import checked
from ce_harness.rundir.directory import RunDirectory
from ce_harness.training import train_and_evaluate
from ce_harness.training.schedules import learning_rate
from ce_harness.training.validation import rhythm


def journal(config):
    return RunDirectory.of(checked(config)).journal()


@pytest.mark.parametrize(
    ("name", "warmup_steps", "expected"),
    [
        ("constant", 0, {0: 0.4, 99: 0.4}),
        ("constant", 4, {0: 0.1, 1: 0.2, 3: 0.4, 99: 0.4}),
        ("cosine", 0, {0: 0.4, 25: 0.2 * (1 + 2**-0.5), 50: 0.2, 100: 0.0}),
        # 96 steps are left for the cosine: a quarter of them is over at 4 + 24, half at 4 + 48.
        ("cosine", 4, {0: 0.1, 1: 0.2, 3: 0.4, 4: 0.4, 28: 0.2 * (1 + 2**-0.5), 52: 0.2, 100: 0.0}),
        ("step", 0, {0: 0.4, 50: 0.4, 51: 0.04, 75: 0.04, 76: 0.004}),
        ("step", 2, {0: 0.2, 1: 0.4, 51: 0.04}),
    ],
)
def test_learning_rate_schedules(name, warmup_steps, expected):
    schedule = learning_rate(name, 0.4, 100, warmup_steps)
    for step, rate in expected.items():
        value = schedule(step) if callable(schedule) else schedule
        assert float(value) == pytest.approx(rate, abs=1e-7)


def test_warm_up_survives_serialisation():
    optimizer = keras.optimizers.SGD(learning_rate("cosine", 0.4, 100, 4))
    restored = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert float(restored._learning_rate(2)) == pytest.approx(float(optimizer._learning_rate(2)))


@pytest.mark.parametrize(
    ("steps_per_epoch", "evaluate_every", "expected"),
    [
        (16, None, (16, None)),
        (400, None, (50, None)),
        (16, 0.25, (4, 4)),
        (4, 0.01, (1, 1)),
        (1000, 0.1, (50, 100)),
        (1010, 0.1, (34, 102)),  # 101 steps are three calls of 34
    ],
)
def test_evaluations_lie_whole_calls_apart(steps_per_epoch, evaluate_every, expected):
    assert rhythm(steps_per_epoch, evaluate_every) == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adadelta", "adagrad", "adamax", "lamb", "lion", "muon", "nadam", "rmsprop"])
def test_every_optimizer_of_the_group_trains_with_clipping_and_a_schedule(composed, name):
    config = composed(f"optimizer={name}", "epochs=1", "clip_norm=1", "learning_rate_schedule=cosine")
    assert 0 <= train_and_evaluate(config)["test/accuracy"] <= 1


def test_norms_are_logged_before_clipping_and_steps_taken_after_it(composed):
    """At learning rate 1 a step moves the weights by the clipped norm, 0.001; the logged norm is the true one."""
    config = composed("clip_norm=0.001", "optimizer.momentum=0", "learning_rate=1", "epochs=1", "batch_size=64")
    free = composed("optimizer.momentum=0", "learning_rate=1", "epochs=1", "batch_size=64")
    for each in (config, free):
        train_and_evaluate(each)
    with (
        np.load(RunDirectory.of(checked(config)).artifacts / "steps.npz") as clipped,
        np.load(RunDirectory.of(checked(free)).artifacts / "steps.npz") as unclipped,
    ):
        np.testing.assert_array_equal(clipped["values"], unclipped["values"])
        assert clipped["values"][0, 1] > 0.1
    losses = [journal(each).of_kind("epoch")[0]["metrics"]["val/loss"] for each in (config, free)]
    assert abs(losses[0] - losses[1]) > 0.01  # the one clipped step hardly moved


def test_early_stopping_ends_after_patience_and_reports_best_and_last(composed):
    config = composed("epochs=40", "learning_rate=3.0", "early_stopping={metric: val/accuracy, patience: 2}")
    metrics = train_and_evaluate(config)
    accuracies = [record["metrics"]["val/accuracy"] for record in journal(config).of_kind("epoch")]
    assert len(accuracies) < 40
    assert len(accuracies) - metrics["best/epoch"] == 2
    assert metrics["best/val/accuracy"] == max(accuracies)
    assert accuracies.index(max(accuracies)) + 1 == metrics["best/epoch"]


def test_bfloat16_computes_in_bfloat16_and_scores_in_float32(composed):
    exact, mixed = composed("model=mlp"), composed("model=mlp", "precision=mixed_bfloat16")
    scores = [train_and_evaluate(config) for config in (exact, mixed)]
    assert scores[0]["test/nll"] != scores[1]["test/nll"]
    assert scores[0]["test/nll"] == pytest.approx(scores[1]["test/nll"], abs=0.2)


class CountEpochs(keras.callbacks.Callback):
    seen: list = []  # noqa: RUF012

    def __init__(self, label):
        super().__init__()
        self.label = label

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append((self.label, epoch, sorted(logs)))


def test_callbacks_from_the_config_see_keras_logs_with_validation(composed):
    CountEpochs.seen.clear()
    config = composed("epochs=2")
    config.callbacks = {"count": {"_target_": "tests.training.test_options.CountEpochs", "label": "mine"}}
    train_and_evaluate(config)
    logs = ["accuracy", "loss", "val_accuracy", "val_brier", "val_loss", "val_nll"]
    assert CountEpochs.seen == [("mine", 0, logs), ("mine", 1, logs)]


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_a_live_bar_on_a_terminal_and_a_line_an_epoch_elsewhere(composed, terminal):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=160 if terminal else 60, color_system=None)
    train_and_evaluate(composed(f"seed={int(terminal)}"), console)
    scores = r"loss \d\.\d{4}  accuracy \d\.\d{4}  val_loss \d\.\d{4}  val_accuracy \d\.\d{4}"
    if terminal:
        (last,) = re.findall(r"epoch 3/3 .* step 12/12 .*", screen.getvalue())[-1:]
        assert re.search(scores, last)
    else:
        lines = screen.getvalue().splitlines()
        assert len(lines) == 3
        assert all(re.fullmatch(rf"epoch {n}/3  {scores}", line) for n, line in enumerate(lines, 1))


def test_the_live_bar_shows_step_rate_scores_and_gradient_while_an_epoch_runs(composed):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=160, color_system=None)
    train_and_evaluate(composed("model=convnet", "dataset.limit=1000", "batch_size=4", "epochs=1"), console)
    scores = r"loss \d\.\d{4}  accuracy \d\.\d{4}  gradient \d"
    assert re.findall(rf"epoch 1/1 .* step \d+/250  \d+/s .*\d:\d\d:\d\d.* {scores}", screen.getvalue())


class Interrupt(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt


def test_an_interrupted_live_bar_gives_the_cursor_back(composed):
    screen = io.StringIO()
    config = composed()
    config.callbacks = {"interrupt": {"_target_": "tests.training.test_options.Interrupt"}}
    with pytest.raises(KeyboardInterrupt):
        train_and_evaluate(config, Console(file=screen, force_terminal=True, width=160))
    hide, show = "\x1b[?25l", "\x1b[?25h"
    assert screen.getvalue().rfind(hide) < screen.getvalue().rfind(show)
