"""The device as TensorFlow sees it, and operations that have no deterministic kernel on it."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from ce_harness.config import checked
from ce_harness.config.error_messages import explain
from ce_harness.datasets import Split
from ce_harness.errors import ConfigError
from ce_harness.rundir.directory import RunDirectory
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


@pytest.fixture
def gpu_of_8_gib(tmp_path, monkeypatch):
    """A made-up ``nvidia-smi``, and a TensorFlow that sees the GPU."""
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\ncase $1 in *memory.total) echo 8192;; *) echo 0;; esac\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["a GPU"])


def images(count):
    """Of 1 MiB each, taking no memory."""
    return Split(np.broadcast_to(np.uint8(0), (count, 1024, 1024, 1)), np.zeros(count, int), np.arange(count))


def test_training_data_stays_on_a_gpu_where_it_takes_an_eighth_of_the_memory_or_less(gpu_of_8_gib):
    assert [process.device_for(images(count)) for count in (1, 1024, 1025)] == ["GPU:0", "GPU:0", None]


def test_without_a_gpu_it_stays_on_the_host():
    assert process.device_for(images(1)) is None


ON_A_DEVICE = """
import numpy as np
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from ce_harness.datasets import Split
from ce_harness.datasets.pipeline import TrainingBatches

pixels = np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1)
split = Split(pixels, np.arange(6) % 2, np.arange(6))
batches = TrainingBatches(split, batch_size=4, num_classes=2, seed=0, device="CPU:1")
print(batches._pixels.__closure__[0].cell_contents.device, batches._labels.device)
"""


@pytest.mark.slow
def test_the_arrays_lie_on_the_device_that_is_named():
    """As TensorFlow's logical devices simulate it, which only a process can do that has run nothing yet."""
    printed = subprocess.run([sys.executable, "-c", ON_A_DEVICE], capture_output=True, text=True, check=True).stdout
    assert [device.rpartition("device:")[2] for device in printed.split()] == ["CPU:1", "CPU:1"]


def test_a_run_whose_data_is_on_the_device_has_the_bits_of_any_other(composed, monkeypatch, tmp_path):
    def outcome(folder):
        config = composed("epochs=2", f"runs_dir={folder}")
        train_and_evaluate(config)
        return RunDirectory.of(checked(config)).outcome

    on_host = outcome(tmp_path / "host")
    monkeypatch.setattr(process, "device_for", lambda train: "CPU:0")
    on_device = outcome(tmp_path / "device")
    assert on_device["weights"] == on_host["weights"]
    assert on_device["metrics"] == on_host["metrics"]
