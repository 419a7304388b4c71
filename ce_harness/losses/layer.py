"""Softmax and cross-entropy as the last layer of a model."""

from __future__ import annotations

from typing import Any

import keras

from ce_harness.losses.cross_entropy import SoftmaxCrossEntropy


@keras.saving.register_keras_serializable(package="ce_harness")
class SoftmaxCrossEntropyLayer(keras.layers.Layer):
    """Ends a model: logits in, probabilities out; given targets, it also adds the loss to the model.

    The loss is that of `SoftmaxCrossEntropy`, to the last bit. A model that returns logits takes the loss itself, as
    runs do with ``loss=softmax_ce``. The layer is for a model that is to return probabilities.

    Works in float32 whatever the dtype policy, unless ``dtype`` says otherwise.

    Args:
        loss: the `SoftmaxCrossEntropy` to add; None takes its defaults.
        **kwargs: as in `keras.layers.Layer`.

    Call with logits (..., K, ...), and in training also with targets and optionally sample weights, all as
    `SoftmaxCrossEntropy` takes them. Returns probabilities in the shape of the logits.

    Example:

    >>> logits = keras.layers.Dense(10)(inputs)
    >>> targets = keras.Input((), dtype="int64", optional=True)
    >>> model = keras.Model([inputs, targets], SoftmaxCrossEntropyLayer()(logits, targets))
    >>> model.compile("sgd")
    >>> model.fit([x, class_ids])
    >>> probabilities = model([x, None])
    """

    def __init__(self, loss: SoftmaxCrossEntropy | None = None, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        # The dtype of computation would round class ids, under a policy of mixed precision.
        self.loss = SoftmaxCrossEntropy(dtype=self.variable_dtype) if loss is None else loss
        self.supports_masking = True

    def call(self, logits: Any, targets: Any = None, sample_weight: Any = None) -> Any:
        if targets is not None:
            self.add_loss(self.loss(targets, logits, sample_weight))
        return keras.ops.softmax(logits, axis=self.loss.axis)

    def compute_output_shape(
        self, logits_shape: Any, targets_shape: Any = None, sample_weight_shape: Any = None
    ) -> Any:
        return logits_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "loss": keras.saving.serialize_keras_object(self.loss)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SoftmaxCrossEntropyLayer:
        return cls(**{**config, "loss": keras.saving.deserialize_keras_object(config["loss"])})
