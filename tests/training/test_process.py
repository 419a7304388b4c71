"""The state that a run begins in: what keras.json, the environment or an earlier run set is undone."""

import json
import os
import random
import subprocess
import sys

import keras
import pytest

from ce_harness.training import process
from ce_harness.training.fingerprint import fingerprint
from tests.conftest import ROOT

LENET5 = ("dataset.limit=64", "epochs=1", "threads=1", "optimizer=adam", "learning_rate=0.01")


def test_settings_of_keras_json_are_undone():
    keras.config.set_floatx("float64")
    keras.config.set_epsilon(1e-3)
    keras.config.set_image_data_format("channels_first")
    keras.config.set_max_epochs(1)
    process.prepare(seed=0, threads=1, precision="float32", device="cpu", deterministic=True)
    settings = keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()
    assert settings == ("float32", 1e-7, "channels_last")
    assert keras.config.max_epochs() is None
    assert keras.config.dtype_policy().name == "float32"


def test_equal_seeds_give_equal_numbers_whatever_was_drawn_before():
    drawn = []
    for _ in range(2):
        process.prepare(seed=3, threads=1, precision="float32", device="cpu", deterministic=True)
        drawn.append((random.random(), keras.random.normal((2,)).numpy().tolist()))
        keras.random.normal((5,))
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    "variable",
    [
        "ONEDNN_MAX_CPU_ISA",
        "DNNL_MAX_CPU_ISA",
        "TF_SET_ONEDNN_FPMATH_MODE",
        "TF_ONEDNN_ASSUME_FROZEN_WEIGHTS",
        "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_LEVEL",
        "TF_CONV2D_USE_FP16_ACCUMULATE",
        "TF_XLA_FLAGS",
        "NPY_DISABLE_CPU_FEATURES",
    ],
)
def test_a_variable_that_changes_bits_is_named_in_the_fingerprint(monkeypatch, variable):
    before = fingerprint(1)
    monkeypatch.setenv(variable, "some value")
    assert fingerprint(1) == f"{before} {variable}=some_value"


@pytest.mark.parametrize("variable", ["TF_VAR_password", "TF_CPP_MIN_LOG_LEVEL", "ONEDNN_VERBOSE", "OMP_NUM_THREADS"])
def test_another_variable_is_not(monkeypatch, variable):
    before = fingerprint(1)
    monkeypatch.setenv(variable, "1")
    assert fingerprint(1) == before


@pytest.mark.slow
def test_processes_of_equal_fingerprint_compute_equal_bits(make_runs_dir, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "keras.json").write_text(
        json.dumps({"floatx": "float64", "epsilon": 1e-3, "backend": "jax", "image_data_format": "channels_first"})
    )
    environments = {
        "plain": {},
        "odd_home": {"KERAS_HOME": str(home), "KERAS_MAX_EPOCHS": "0", "OMP_NUM_THREADS": "2"},
        "onednn": {"TF_ENABLE_ONEDNN_OPTS": "1"},
        "older_onednn": {"TF_ENABLE_ONEDNN_OPTS": "1", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    }
    trained = {}
    for name, variables in environments.items():
        runs_dir = make_runs_dir(name)
        command = [sys.executable, "run.py", *LENET5, f"runs_dir={runs_dir}"]
        subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, check=True, capture_output=True)
        (run,) = (path.parent for path in runs_dir.glob("*/outcome.json"))
        begun = json.loads((run / "journal.jsonl").read_bytes().partition(b"\n")[0])
        trained[name] = begun["tags"]["fingerprint"], json.loads((run / "outcome.json").read_bytes())["weights"]
    assert trained["odd_home"] == trained["plain"]
    assert len({fingerprint for fingerprint, _ in trained.values()}) == 3
    assert trained["older_onednn"][1] != trained["onednn"][1]  # a variable that changes bits, or nothing is tested here
