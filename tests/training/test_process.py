"""The state that a run begins in: what keras.json, the environment or an earlier run set is undone."""

import random

import keras

from ce_harness.training import process


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
