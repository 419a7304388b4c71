"""Keras's private notes on tensors are where they were, or a test says in plain words that Keras has moved them."""

import keras
import numpy as np

from ce_harness.unofficial.keras import has_logits, mask_of, with_mask


def test_keras_leaves_a_mask_on_what_an_embedding_returns():
    embedded = keras.layers.Embedding(3, 2, mask_zero=True)(np.array([[1, 0]]))
    assert mask_of(embedded) is not None, "Keras no longer notes masks as _keras_mask: mend unofficial/keras.py"
    np.testing.assert_array_equal(mask_of(embedded), [[True, False]])


def test_keras_reads_the_mask_that_a_loss_leaves():
    class Masked(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return with_mask(y_pred, keras.ops.equal(y_true, 1))

    loss = float(Masked()(np.array([1.0, 0.0]), np.array([3.0, 5.0])))
    assert loss == 3, "Keras no longer reads _keras_mask of the losses: mend unofficial/keras.py"


def test_keras_leaves_the_logits_on_what_a_softmax_returns():
    probabilities = keras.layers.Softmax()(np.zeros((1, 2), np.float32))
    assert has_logits(probabilities), "Keras no longer notes logits as _keras_logits: mend unofficial/keras.py"
    assert not has_logits(keras.layers.Dense(2)(np.zeros((1, 2), np.float32)))
