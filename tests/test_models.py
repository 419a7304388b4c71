"""The networks: their sizes, and that they return logits for any set."""

import numpy as np
import pytest

from ce_harness import datasets, models
from ce_harness.errors import ConfigError
from ce_harness.training import parts

BUILDERS = (
    models.softmax_regression,
    models.mlp,
    models.lenet5,
    models.convnet,
    models.vgg_small,
    models.resnet20,
)


@pytest.mark.parametrize(
    ("builder", "shape", "parameters"),
    [
        (models.softmax_regression, (28, 28, 1), 7_850),
        (models.convnet, (28, 28, 1), 34_826),  # the two-convolution network of Keras's own examples
        (models.lenet5, (28, 28, 1), 61_706),  # LeCun et al. 1998, with full connections
        (
            models.resnet20,
            (32, 32, 3),
            271_098,
        ),  # He et al. 2016: 0.27 million, of which 1,376 are batch statistics
    ],
)
def test_parameter_counts(builder, shape, parameters):
    assert builder(shape, 10).count_params() == parameters


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize("shape", [(8, 8, 1), (96, 96, 3)])
def test_every_network_returns_logits_for_every_shape(builder, shape):
    logits = builder(shape, 7)(np.ones((2, *shape), np.float32))
    assert logits.shape == (2, 7)
    assert np.isfinite(logits).all()
    assert not np.allclose(np.sum(logits, axis=1), 1.0)


@pytest.mark.parametrize("builder", BUILDERS)
def test_head_stddev_draws_the_heads_kernel(builder):
    head = builder((8, 8, 1), 10, head_stddev=4.0).get_layer("head")
    assert np.std(head.kernel) == pytest.approx(4.0, rel=0.15)
    assert not np.any(head.bias)


@pytest.mark.parametrize(("name", "smallest"), [("lenet5", 4), ("convnet", 4), ("vgg_small", 8), ("resnet20", 1)])
def test_a_network_too_deep_for_the_images_says_so(composed, name, smallest):
    config = composed(f"model={name}", base=())
    assert parts.make_network(config, of_shape(smallest, smallest, 3)).output_shape == (None, 2)
    if smallest > 1:
        with pytest.raises(ConfigError, match=rf"^model={name}: too deep for images of {smallest - 1}x9x1: [^\n]*$"):
            parts.make_network(config, of_shape(smallest - 1, 9, 1))


def of_shape(*shape):
    images = np.zeros((2, *shape), np.float32)
    split = datasets.Split(images, np.arange(2), np.arange(2))
    return datasets.Dataset("tiny", split, split, split, ("0", "1"), source_digest="")
