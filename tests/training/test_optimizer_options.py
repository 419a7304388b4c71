"""What Keras's optimizers do besides a step, and schedules of the user's own: the norms stay those of the gradient."""

import keras
import numpy as np
import pytest

from ce_harness.config import checked
from ce_harness.errors import ConfigError
from ce_harness.losses import SoftmaxCrossEntropy
from ce_harness.models import softmax_regression
from ce_harness.training import train_and_evaluate
from ce_harness.training.gradient_monitor import GradientMonitor
from ce_harness.training.parts import make_optimizer


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(8, 2, 2, 1)).astype(np.float32)
    return images, np.eye(3, dtype=np.float32)[rng.integers(0, 3, 8)]


def trained(data, optimizer, batch_size):
    keras.utils.set_random_seed(0)
    steps = len(data[0]) // batch_size
    model = GradientMonitor(softmax_regression((2, 2, 1), 3), steps)
    model.compile(optimizer, SoftmaxCrossEntropy())
    model.fit(*data, batch_size=batch_size, shuffle=False, verbose=0)
    return model


def test_accumulated_gradients_take_the_step_of_the_whole_batch(data):
    """Two batches of four, accumulated, are one of eight; each of them has a row of norms of its own."""
    whole = trained(data, keras.optimizers.SGD(0.1), 8)
    halves = trained(data, keras.optimizers.SGD(0.1, gradient_accumulation_steps=2), 4)
    for one, other in zip(whole.network.get_weights(), halves.network.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    rows = halves.read_rows()
    assert rows.shape[0] == 2
    assert rows[:, 0].mean() == pytest.approx(whole.read_rows()[0, 0], rel=1e-6)  # the losses of both are of the start
    assert (rows[:, 1] > 0).all()


def test_the_mean_of_the_weights_is_in_place_after_training_and_no_norm_changes(data):
    """At a momentum of 0.5 the mean of the start (as Keras takes it, 0) and of the weights after each step."""
    plain = trained(data, keras.optimizers.SGD(0.1), 4)
    averaged = trained(data, keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), 4)
    np.testing.assert_array_equal(plain.read_rows(), averaged.read_rows())
    assert not np.allclose(plain.network.get_weights()[0], averaged.network.get_weights()[0])


EXPONENTIAL = {"_target_": "keras.optimizers.schedules.ExponentialDecay", "decay_steps": 10, "decay_rate": 0.5}


class Halved(keras.optimizers.schedules.LearningRateSchedule):
    """The rate of the config, and half of it from step 5 on."""

    def __init__(self, initial_learning_rate):
        self.rate = initial_learning_rate

    def __call__(self, step):
        return keras.ops.where(step < 5, self.rate, self.rate / 2)

    def get_config(self):
        return {"initial_learning_rate": self.rate}


@pytest.mark.parametrize(
    ("schedule", "rate_at_10"),
    [(EXPONENTIAL, 0.2), ({"_target_": "tests.training.test_optimizer_options.Halved"}, 0.2)],
)
def test_a_schedule_of_ones_own_starts_at_the_learning_rate(composed, schedule, rate_at_10):
    config = composed("learning_rate=0.4")
    config.learning_rate_schedule = schedule
    optimizer = make_optimizer(checked(config), steps_per_epoch=4)
    assert float(optimizer._learning_rate(0)) == pytest.approx(0.4)
    assert float(optimizer._learning_rate(10)) == pytest.approx(rate_at_10)


def test_a_schedule_of_ones_own_trains_and_its_code_is_part_of_the_run(composed):
    config = composed("epochs=1")
    config.learning_rate_schedule = {"_target_": "tests.training.test_optimizer_options.Halved"}
    assert 0 <= train_and_evaluate(config)["test/accuracy"] <= 1
    from ce_harness.config.identity import code_digests

    assert "learning_rate_schedule_code" in code_digests(config)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("linear", "learning_rate_schedule=linear: allowed is constant, cosine, step, or "),
        ({"_target_": "keras.optimizers.SGD"}, r"learning_rate_schedule\._target_=keras\.optimizers\.SGD: allowed is"),
        ({"decay_steps": 3}, "learning_rate_schedule=.*: allowed is constant, cosine, step, or "),
        ({**EXPONENTIAL, "decay": 3}, "learning_rate_schedule: keras.optimizers.schedules.ExponentialDecay: .*decay"),
    ],
)
def test_what_is_no_schedule_is_refused(composed, schedule, message):
    config = composed()
    config.learning_rate_schedule = schedule
    with pytest.raises(ConfigError, match=rf"^{message}"):
        train_and_evaluate(config)
