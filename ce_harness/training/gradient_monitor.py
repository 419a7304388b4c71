"""A Keras model whose train step also measures gradients, at every step and without waiting for the host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ce_harness.errors import ConfigError
from ce_harness.metrics import P_TRUE_EDGES
from ce_harness.training.logits import refuse_activation


class GradientMonitor(keras.Model):
    """Trains ``network`` as plain Keras would, and keeps a row of gradient norms for each step of the epoch.

    All norms are L2, of the loss as trained, before any clipping:

    - ``grad_norm/global``: of the gradient on all trainable variables together;
    - ``grad_norm/logits``: the mean over the batch of ||dl_i/dz_i||, each example's own gradient on its logits;
    - ``grad_norm/variable/<path>``: of the gradient on one variable.

    Where the loss is scaled for float16, they are of the gradient before scaling. A step whose scaled gradient
    overflows is not taken by Keras; the norms that are not finite in it are NaN.

    Beside the norms, each bin of p_true sums -dl_i/dz_y: how strongly an example pulls its true class's logit up. The
    norm of a wrong prediction's gradient may be large and yet only move probability between wrong classes.

    The rows stay in the graph until `read_rows` fetches them, so that many steps can run per call
    (``steps_per_execution``) with no host synchronisation in between.

    Give `fit` one endless dataset and ``steps_per_epoch``: the steps count themselves, so that no epoch needs an
    iterator of its own. (Keras makes two per epoch. On small data they cost more than the training.)

    Args:
        network: maps images to logits (batch, classes). Built.
        steps_per_epoch: batches in one epoch.
        class_weights: the weight of each class (classes,). An example's loss l_i is multiplied by that of its class,
            and the mean is still over the batch. So every norm is of the weighted loss. None weighs all alike.
        batch_of: makes images and one-hot labels of what the dataset gives; by default it gives them.
    """

    def __init__(
        self,
        network: keras.Model,
        steps_per_epoch: int,
        class_weights: np.ndarray | None = None,
        batch_of: Callable[[Any], tuple[tf.Tensor, tf.Tensor]] = lambda batch: batch,
        name: str = "gradient_monitor",
    ):
        super().__init__(name=name)
        self.network = network
        self._batch_of = batch_of
        self._class_weights = None if class_weights is None else tf.constant(class_weights, tf.float32)
        of_variables = (f"grad_norm/variable/{variable.path}" for variable in network.trainable_variables)
        self.columns = ("loss", "grad_norm/global", "grad_norm/logits", *of_variables)
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._rows = tf.Variable(tf.zeros([steps_per_epoch, len(self.columns)]), trainable=False)
        self._bins = tf.Variable(tf.zeros([len(P_TRUE_EDGES), 3]), trainable=False)
        self._mean_loss = keras.metrics.Mean(name="loss")
        # What a callback of Keras's saves is the network, for use without this class.
        self.save, self.save_weights, self.load_weights = network.save, network.save_weights, network.load_weights

    @property
    def metrics(self) -> list[keras.Metric]:
        """What `fit` resets before each epoch and reports after it: the mean loss, and the metrics of `compile`."""
        return [self._mean_loss, *(metric for metric in super().metrics if metric.name != "loss")]

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        return self.network(images, training=training)

    def make_train_function(self, force: bool = False) -> None:
        if getattr(self, "train_function", None) is None or force:
            self._one_step = tf.function(self.train_step, jit_compile=True) if self.jit_compile else self.train_step
            self.train_function = tf.function(self._train_steps, autograph=False)

    def _train_steps(self, iterator: Any) -> dict[str, Any]:
        """Up to ``steps_per_execution`` steps in one call, none of them beyond the end of the epoch."""
        steps_per_epoch = self._rows.shape[0]
        left = steps_per_epoch - self._step % steps_per_epoch
        last = self._step + tf.minimum(left, self.steps_per_execution)

        def one_more(step: tf.Tensor) -> tuple[tf.Tensor]:
            self._one_step(self._batch_of(iterator.get_next()))
            return (step + 1,)

        tf.while_loop(lambda step: step < last, one_more, [self._step.read_value()])
        return self.get_metrics_result()

    def train_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict[str, Any]:
        images, one_hot = data
        variables = self.trainable_variables
        weights = None if self._class_weights is None else tf.linalg.matvec(one_hot, self._class_weights)
        with tf.GradientTape() as tape:
            logits = self(images, training=True)
            refuse_activation("model", logits)  # a network may do otherwise in training than when it is scored
            loss = self.compute_loss(x=images, y=one_hot, y_pred=logits, sample_weight=weights, training=True)
            scaled_loss = self.optimizer.scale_loss(loss)
        logit_gradient, *gradients = tape.gradient(scaled_loss, [logits, *variables])
        self._refuse_unreached(variables, gradients)
        self._measure(loss, logits, one_hot, *self._unscaled(logit_gradient, gradients))
        self._step.assign_add(1)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self._mean_loss.update_state(loss, sample_weight=tf.shape(images)[0])
        return self.compute_metrics(images, one_hot, logits)

    def _refuse_unreached(self, variables: Sequence[Any], gradients: Sequence[Any]) -> None:
        unreached = [v.path for v, gradient in zip(variables, gradients, strict=True) if gradient is None]
        if unreached:
            raise ConfigError(
                f"model: no gradient reaches {', '.join(unreached)}, since the loss does not depend on it; leave it "
                "out of the network, or set trainable=False on its layer"
            )

    def _unscaled(
        self, logit_gradient: tf.Tensor, gradients: Sequence[tf.Tensor]
    ) -> tuple[tf.Tensor, Sequence[tf.Tensor]]:
        """The gradients of the loss itself; the optimizer gets them as they are, and divides by the scale, too."""
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            scale = tf.convert_to_tensor(self.optimizer.dynamic_scale)
        elif self.optimizer.loss_scale_factor is not None:
            scale = self.optimizer.loss_scale_factor
        else:
            return logit_gradient, gradients
        return logit_gradient / scale, [tf.cast(gradient, tf.float32) / scale for gradient in gradients]

    def _measure(
        self,
        loss: tf.Tensor,
        logits: tf.Tensor,
        one_hot: tf.Tensor,
        logit_gradient: tf.Tensor,
        gradients: Sequence[tf.Tensor],
    ) -> None:
        # The loss is a mean over the batch, so an example's own gradient is batch-size times its row.
        batch_size = tf.cast(tf.shape(logits)[0], tf.float32)
        per_example_gradient = tf.cast(logit_gradient, tf.float32)
        per_example = tf.norm(per_example_gradient, axis=-1) * batch_size
        of_true_class = -tf.reduce_sum(one_hot * per_example_gradient, axis=-1) * batch_size
        squares = 2.0 * tf.stack([tf.nn.l2_loss(tf.cast(gradient, tf.float32)) for gradient in gradients])
        row = tf.concat(
            [
                tf.stack([tf.cast(loss, tf.float32), tf.sqrt(tf.reduce_sum(squares)), tf.reduce_mean(per_example)]),
                tf.sqrt(squares),
            ],
            axis=0,
        )
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):  # which skips a step that overflows
            row = tf.where(tf.math.is_finite(row), row, np.nan)
        self._rows.scatter_update(tf.IndexedSlices(row, self._step % self._rows.shape[0]))
        p_true = tf.reduce_sum(one_hot * tf.nn.softmax(tf.cast(logits, tf.float32)), axis=-1)
        bin_index = tf.searchsorted(tf.constant(P_TRUE_EDGES[:-1]), p_true)
        members = tf.one_hot(bin_index, len(P_TRUE_EDGES), axis=0)
        self._bins.assign_add(members @ tf.stack([tf.ones_like(per_example), per_example, of_true_class], axis=1))

    def read_rows(self) -> np.ndarray:
        """The epoch's rows so far, float32 (steps_per_epoch, len(columns)); rows of steps not yet run are old."""
        return self._rows.numpy()

    def read_bins(self) -> np.ndarray:
        """The epoch's examples per bin of p_true, float32 (bins, 3).

        Columns: their count, the sum of their logit-gradient norms, the sum of their -dl_i/dz_y. Reading empties the
        bins.
        """
        bins = self._bins.numpy()
        self._bins.assign(tf.zeros_like(self._bins))
        return bins
