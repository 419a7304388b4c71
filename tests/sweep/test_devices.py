"""Which GPU a cell gets, with a made-up ``nvidia-smi``: no machine of the tests has one."""

import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from ce_harness import devices
from ce_harness.errors import ConfigError
from ce_harness.sweep import device_slots
from tests.conftest import ROOT, TINY

CALLBACK = """
import json, os, time
from pathlib import Path
import keras

class Tell(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        seen = {name: os.environ.get(name) for name in ("CUDA_VISIBLE_DEVICES", "TF_FORCE_GPU_ALLOW_GROWTH")}
        began = time.time()
        time.sleep(0.5)
        told = Path(__file__).with_name(f"told-{os.getpid()}.json")
        told.write_text(json.dumps({**seen, "began": began, "ended": time.time()}))
"""


@pytest.fixture
def two_gpus(tmp_path, monkeypatch):
    smi = tmp_path / "bin" / "nvidia-smi"
    smi.parent.mkdir()
    smi.write_text("#!/bin/sh\necho 0\necho 1\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(smi.parent), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize(("device", "expected"), [("auto", ["0", "1"]), ("gpu", ["0", "1"]), (1, ["1"]), ("cpu", [])])
def test_what_device_means_on_a_machine_with_two_gpus(two_gpus, device, expected):
    assert devices.gpus() == ["0", "1"]
    assert devices.allowed(device, devices.gpus()) == expected
    assert device_slots.places(device, 3) == 3 * len(expected)


def test_cuda_visible_devices_says_what_may_be_used(two_gpus, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5, 7")
    assert devices.gpus() == ["5", "7"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert devices.gpus() == []


def test_auto_without_a_gpu_changes_nothing(monkeypatch):
    monkeypatch.setattr(devices, "gpus", lambda: [])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    devices.choose("auto")
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


@pytest.mark.parametrize(
    ("device", "message"), [("gpu", "there is no GPU here"), (2, "device=2: the GPUs here are 0, 1")]
)
def test_a_gpu_that_is_not_here_is_refused(device, message):
    with pytest.raises(ConfigError, match=message):
        devices.allowed(device, [] if device == "gpu" else ["0", "1"])


def test_cells_that_share_the_machine_have_a_place_on_a_gpu_each(two_gpus, tmp_path):
    first = device_slots.held("auto", 1, tmp_path)
    with first:
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"
    program = f"""
from pathlib import Path
from ce_harness.sweep import device_slots
with device_slots.held("auto", 1, Path({str(tmp_path)!r})):
    print(__import__("os").environ["CUDA_VISIBLE_DEVICES"], flush=True)
    input()
"""
    others = [
        subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    assert sorted(other.stdout.readline() for other in others) == ["0\n", "1\n"]
    others[0].kill()  # its place is free again
    with device_slots.held("auto", 1, tmp_path):
        assert os.environ["CUDA_VISIBLE_DEVICES"] in "01"
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    others[1].communicate("\n")


@pytest.mark.slow
def test_a_sweep_runs_one_cell_per_gpu(two_gpus, tmp_path):
    """Some seconds: four cells in two workers."""
    (tmp_path / "tell.py").write_text(CALLBACK)
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "told.yaml").write_text(
        "# @package _global_\ncallbacks: {tell: {_target_: tell.Tell}}\n"
    )
    words = [
        "-m",
        f"--config-dir={tmp_path}",
        "experiment=told",
        *TINY,
        f"runs_dir={tmp_path / 'runs'}",
        "seed=0,1,2,3",
    ]
    swept = subprocess.run([sys.executable, "run.py", *words], cwd=ROOT, capture_output=True, text=True)
    assert swept.returncode == 0, swept.stderr
    told = [json.loads(path.read_text()) for path in tmp_path.glob("told-*.json")]
    assert Counter(cell["CUDA_VISIBLE_DEVICES"] for cell in told) == {"0": 2, "1": 2}
    assert all(cell["TF_FORCE_GPU_ALLOW_GROWTH"] == "true" for cell in told)
    for gpu in "01":
        one, other = sorted((cell["began"], cell["ended"]) for cell in told if cell["CUDA_VISIBLE_DEVICES"] == gpu)
        assert one[1] <= other[0]
    words = ["-m", "device=2", *TINY, f"runs_dir={tmp_path / 'runs'}", "seed=0,1"]
    refused = subprocess.run([sys.executable, "run.py", *words], cwd=ROOT, capture_output=True, text=True)
    assert (refused.returncode, refused.stderr.splitlines()[-1]) == (
        2,
        "error: device=2: the GPUs here are 0, 1; set one of them, auto or cpu; details: docs/devices.md",
    )
