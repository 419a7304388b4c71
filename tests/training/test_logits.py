"""Networks that return probabilities, and losses that want them, are refused before anything is trained."""

from functools import partial

import keras
import pytest

from ce_harness.config import checked
from ce_harness.errors import ConfigError
from ce_harness.rundir.directory import RunDirectory
from ce_harness.training import train_and_evaluate


def ending_in(end):
    """A builder of a network whose logits go through ``end``."""

    def builder(input_shape, num_classes):
        inputs = keras.Input(input_shape)
        logits = keras.layers.Dense(num_classes)(keras.layers.Flatten()(inputs))
        return keras.Model(inputs, end(logits))

    return builder


@keras.saving.register_keras_serializable()
class SoftmaxInside(keras.layers.Layer):
    def call(self, logits):
        exponentials = keras.ops.exp(logits)
        return exponentials / keras.ops.sum(exponentials, axis=-1, keepdims=True)


@keras.saving.register_keras_serializable()
class SoftmaxInTraining(keras.layers.Layer):
    def call(self, logits, training=False):
        return keras.ops.softmax(logits) if training else logits


def nested(logits):
    inside = keras.Input(logits.shape[1:])
    return keras.Model(inside, keras.layers.Softmax()(inside))(logits)


softmax_layer = ending_in(keras.layers.Softmax())
softmax_operation = ending_in(keras.ops.softmax)
softmax_nested = ending_in(nested)
softmax_lambda = ending_in(keras.layers.Lambda(lambda logits: keras.activations.softmax(logits)))
softmax_by_hand = ending_in(SoftmaxInside())  # only its values tell
softmax_doubled = ending_in(lambda logits: 2.0 * keras.ops.softmax(logits))
softmax_twice = ending_in(lambda logits: keras.layers.Add()([keras.ops.softmax(logits), keras.ops.softmax(-logits)]))
softmax_in_training = ending_in(SoftmaxInTraining())
sigmoid_layer = ending_in(keras.layers.Activation("sigmoid"))
hard_sigmoid = ending_in(keras.layers.Activation("hard_sigmoid"))
sparse_sigmoid = ending_in(keras.layers.Activation("sparse_sigmoid"))
sparsemax = ending_in(keras.layers.Activation("sparsemax"))
relu = ending_in(keras.layers.Activation("relu"))
hard_tanh = ending_in(keras.layers.Activation("hard_tanh"))


def frozen(input_shape, num_classes):
    network = ending_in(keras.layers.Identity())(input_shape, num_classes)
    network.trainable = False
    return network


class Unused(keras.layers.Layer):
    def build(self, shape):
        self.unused = self.add_weight(shape=(1,), name="unused")

    def call(self, inputs):
        return inputs


unreached = ending_in(Unused())


def own_model(composed, builder, *overrides):
    config = composed(*overrides)
    config.model = {"name": "mine", "_target_": f"tests.training.test_logits.{builder}"}
    return config


@pytest.mark.parametrize(
    ("builder", "activation"),
    [
        ("softmax_layer", "softmax"),
        ("softmax_operation", "softmax"),
        ("softmax_nested", "softmax"),
        ("softmax_lambda", "softmax"),
        ("softmax_by_hand", "softmax"),
        ("softmax_doubled", "softmax"),
        ("softmax_twice", "softmax times 2"),  # only its values tell
        ("sigmoid_layer", "sigmoid"),
        ("hard_sigmoid", "hard sigmoid or the like"),
        ("sparse_sigmoid", "hard sigmoid or the like"),
        ("sparsemax", "hard sigmoid or the like"),  # of Keras: its rows do not quite sum to 1
    ],
)
@pytest.mark.parametrize("loss", ["softmax_ce", "mse_logits"])
def test_a_network_that_returns_probabilities_is_refused(composed, builder, activation, loss):
    config = own_model(composed, builder, f"loss={loss}")
    with pytest.raises(ConfigError, match=f"^model=mine: its output comes out of a {activation}; .* leave the activ"):
        train_and_evaluate(config)
    assert not RunDirectory.of(checked(config)).path.exists()


@pytest.mark.parametrize("builder", ["relu", "hard_tanh"])
def test_other_activations_are_taken(composed, builder):
    assert "test/accuracy" in train_and_evaluate(own_model(composed, builder, "epochs=1"))


def test_a_softmax_in_training_alone_is_refused(composed):
    with pytest.raises(ConfigError, match="^model: its output comes out of a softmax;"):
        train_and_evaluate(own_model(composed, "softmax_in_training"))


def test_a_network_without_anything_to_train_is_refused(composed):
    with pytest.raises(ConfigError, match="^model=mine: it has no variable that can be trained; set trainable=True"):
        train_and_evaluate(own_model(composed, "frozen"))


def test_a_variable_that_no_gradient_reaches_is_named(composed):
    with pytest.raises(ConfigError, match="^model: no gradient reaches .*unused, .* set trainable=False on its layer"):
        train_and_evaluate(own_model(composed, "unreached"))


@pytest.mark.parametrize(
    ("loss", "remedy"),
    [
        ("CategoricalCrossentropy", r"add \+loss.from_logits=true"),
        ("CategoricalFocalCrossentropy", r"add \+loss.from_logits=true"),
        ("BinaryCrossentropy", r"add \+loss.from_logits=true"),
        ("BinaryFocalCrossentropy", r"add \+loss.from_logits=true"),
        ("KLDivergence", "it has to apply softmax itself"),
        ("Poisson", "it has to apply softmax itself"),
        ("SparseCategoricalCrossentropy", "take loss=builtin_ce"),
        ("Dice", "of two examples it is .*; it must be the mean of the examples' own losses"),
        ("Tversky", "of two examples it is .*; it must be the mean of the examples' own losses"),
    ],
)
def test_a_loss_of_probabilities_is_refused(composed, loss, remedy):
    config = composed()
    config.loss = {"name": loss, "_target_": f"keras.losses.{loss}"}
    with pytest.raises(ConfigError, match=f"^loss={loss}: .*{remedy}"):
        train_and_evaluate(config)


def of_probabilities():
    return keras.src.losses.losses.LossFunctionWrapper(partial(keras.losses.categorical_crossentropy))  # no get_config


class Added(keras.losses.Loss):
    """The sum over the batch, which its reduction does not tell."""

    def call(self, y_true, y_pred):
        return keras.ops.sum(keras.losses.categorical_crossentropy(y_true, y_pred, from_logits=True))


class Unlabelled(keras.losses.Loss):
    """Raises every logit, whatever the label."""

    def call(self, y_true, y_pred):
        return -keras.ops.mean(y_pred, axis=-1)


class Weighted(keras.losses.Loss):
    """Weighs three classes, of ten."""

    def call(self, y_true, y_pred):
        weights = keras.ops.convert_to_tensor([1.0, 2.0, 3.0])
        return keras.losses.categorical_crossentropy(weights * y_true, y_pred, from_logits=True)


@pytest.mark.parametrize(
    ("loss", "why"),
    [
        (
            "Weighted",
            r"it can't be computed from one-hot labels and logits of shape \(2, 10\) \(Incompatible shapes: \[3\] vs. "
            r"\[2,10\]\); mend its call$",
        ),
        ("of_probabilities", "it does not raise the true class's logit"),
        ("Added", "of two examples it is 7.68"),
        ("Unlabelled", "with other labels its gradient is the same"),
    ],
)
def test_a_loss_of_the_users_own_is_tried(composed, loss, why):
    config = composed()
    config.loss = {"name": "mine", "_target_": f"tests.training.test_logits.{loss}"}
    with pytest.raises(ConfigError, match=f"^loss=mine: {why}"):
        train_and_evaluate(config)


def test_the_class_axis_of_a_run_is_the_last(composed):
    with pytest.raises(ConfigError, match="^loss.axis=0: allowed is -1, since logits are"):
        train_and_evaluate(composed("+loss.axis=0"))


@pytest.mark.parametrize(
    "loss",
    [
        {"_target_": "keras.losses.CategoricalCrossentropy", "from_logits": True},
        {"_target_": "keras.losses.CategoricalFocalCrossentropy", "from_logits": True},
        {"_target_": "keras.losses.MeanSquaredError"},
        {"_target_": "keras.losses.CategoricalHinge"},
        {"_target_": "keras.losses.Huber"},
    ],
)
def test_a_loss_on_logits_is_taken(composed, loss):
    config = composed("epochs=1")
    config.loss = {"name": "mine", **loss}
    assert "test/accuracy" in train_and_evaluate(config)
