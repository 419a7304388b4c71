"""What the tests of the losses share."""

import pytest
from tensorflow.python.framework import config


@pytest.fixture(autouse=True)
def tensorflow_as_it_is_by_default():
    """With deterministic operations TensorFlow's cross-entropy is another function, whose roundings are others.

    A run turns them on for the rest of its process, and so do the tests of other files.
    """
    were_on = config.is_op_determinism_enabled()
    config.disable_op_determinism()
    yield
    if were_on:
        config.enable_op_determinism()
