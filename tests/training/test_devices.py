"""The device as TensorFlow sees it, and operations that have no deterministic kernel on it."""

import keras
import pytest
import tensorflow as tf

from ce_harness.config import checked
from ce_harness.config.error_messages import explain
from ce_harness.errors import ConfigError
from ce_harness.training import process, train_and_evaluate
from ce_harness.training.fingerprint import fingerprint


@pytest.mark.parametrize("device", ["gpu", 0])
def test_a_gpu_that_tensorflow_does_not_see_is_one_line(composed, monkeypatch, device):
    """As with a driver and a GPU, and a TensorFlow that was built for CPUs."""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    with pytest.raises(ConfigError, match=rf"^device={device}: this TensorFlow sees no GPU; pip install"):
        train_and_evaluate(composed(f"device={device}"))


def test_xla_compiles_by_itself_on_a_gpu_alone(monkeypatch):
    assert [process.compiles(option) for option in ("auto", True, False)] == [False, True, False]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["a GPU"])
    assert process.compiles("auto")


class OnAGpu(keras.layers.Layer):
    """Raises what TensorFlow does on a GPU."""

    def call(self, images):
        raise tf.errors.UnimplementedError(
            None, None, "Deterministic GPU implementation of unsorted segment reduction op not available."
        )


def network(input_shape, num_classes):
    return keras.Sequential([keras.Input(input_shape), OnAGpu()])


def test_an_operation_without_a_deterministic_kernel_is_named(composed):
    config = composed()
    config.model = {"_target_": "tests.training.test_devices.network"}
    with pytest.raises(Exception) as raised:  # noqa: PT011  # whatever Keras and Hydra make of it
        train_and_evaluate(config)
    assert str(explain(raised.value)).startswith(
        "deterministic=true: Deterministic GPU implementation of unsorted segment reduction op not available; take "
    )


def test_it_is_allowed_by_a_word_that_the_run_is_tagged_with(composed, monkeypatch):
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: pytest.fail("enabled"))
    assert 0 <= train_and_evaluate(composed("deterministic=false", "epochs=1"))["test/accuracy"] <= 1
    config = checked(composed("deterministic=false"))
    assert " determinism=off " in fingerprint(config.threads, config.deterministic)
