"""Mixed precision, loss scaling and XLA: the norms are those of the loss itself."""

import keras
import numpy as np
import pytest

from ce_harness.losses import SoftmaxCrossEntropy
from ce_harness.models import mlp
from ce_harness.training import train_and_evaluate
from ce_harness.training.gradient_monitor import GradientMonitor

STEPS = 3


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(16 * STEPS, 8, 8, 1)).astype(np.float32)
    return images, np.eye(4, dtype=np.float32)[rng.integers(0, 4, len(images))]


def trained(data, optimizer, policy="float32", **options):
    keras.config.set_dtype_policy(policy)
    keras.utils.set_random_seed(0)
    model = GradientMonitor(mlp((8, 8, 1), 4), STEPS)
    optimizer.build(model.network.trainable_variables)  # as in a run
    model.compile(optimizer, SoftmaxCrossEntropy(), **options)
    model.fit(*data, batch_size=16, shuffle=False, verbose=0)
    keras.config.set_dtype_policy("float32")
    return model


def test_norms_in_float16_are_of_the_unscaled_gradient(data):
    plain = trained(data, keras.optimizers.SGD(0.1))
    scaled = trained(data, keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)), "mixed_float16")
    np.testing.assert_allclose(scaled.read_rows(), plain.read_rows(), rtol=0.02)
    np.testing.assert_allclose(scaled.read_bins(), plain.read_bins(), rtol=0.02)


def test_a_step_that_overflows_is_not_taken_and_has_no_norms(data):
    """At a scale of 2^40 every gradient is infinite in float16; the scale is halved at each step."""
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=2.0**40)
    before = trained(data, keras.optimizers.SGD(0.0)).network.get_weights()
    model = trained(data, optimizer, "mixed_float16")
    rows = model.read_rows()
    assert np.isfinite(rows[:, 0]).all()
    assert np.isnan(rows[:, 1]).all()
    assert float(optimizer.dynamic_scale) == 2.0**37
    for now, then in zip(model.network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_fixed_scale_of_the_optimizer_changes_nothing_but_rounding(data):
    plain, scaled = (trained(data, keras.optimizers.SGD(0.1, loss_scale_factor=factor)) for factor in (None, 1024.0))
    np.testing.assert_allclose(scaled.read_rows(), plain.read_rows(), rtol=1e-5)
    np.testing.assert_allclose(scaled.network.get_weights()[0], plain.network.get_weights()[0], rtol=1e-5, atol=1e-7)


def test_a_step_compiled_by_xla_is_the_same_but_for_rounding(data):
    """5 s: XLA compiles."""
    plain, compiled = (trained(data, keras.optimizers.SGD(0.1), jit_compile=jit) for jit in (False, True))
    np.testing.assert_allclose(compiled.read_rows(), plain.read_rows(), rtol=1e-4)
    np.testing.assert_allclose(compiled.read_bins(), plain.read_bins(), rtol=1e-4)


@pytest.mark.parametrize("option", ["precision=mixed_float16", "jit_compile=true"])
def test_a_run_takes_the_option(composed, option):
    scores = [train_and_evaluate(composed("model=mlp", "epochs=2", *options)) for options in ([], [option])]
    assert scores[0]["test/nll"] == pytest.approx(scores[1]["test/nll"], abs=0.05)
