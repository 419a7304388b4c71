"""The tables and figures of the studies of the losses, by the numbers of the literature."""

import numpy as np
import pytest

from benchmarks import speed
from benchmarks.speed.loop import training_epoch
from ce_harness.datasets import digits
from ce_harness.models import softmax_regression
from ce_harness.report.study import Evidence
from experiments import loss_gradients
from experiments.loss_gradients import neuron
from tests.losses.conftest import tensorflow_as_it_is_by_default  # noqa: F401  (a fixture)

EVIDENCE = Evidence()


def test_constants_at_a_uniform_start():
    frame = loss_gradients.STUDY.tables["uniform_start"](EVIDENCE).frame
    np.testing.assert_allclose(frame["norm, closed form"], frame["norm, automatic"], rtol=1e-12)
    ratio = frame.set_index(["classes", "loss"])["CE / loss"]
    for classes in (2, 10, 100):
        assert ratio[classes, "mse"] == pytest.approx(classes / 2)
        assert ratio[classes, "mse_mean"] == pytest.approx(classes**2 / 2)


def test_saturation_ladder():
    frame = loss_gradients.STUDY.tables["saturation"](EVIDENCE).frame
    np.testing.assert_allclose(frame["CE / MSE"], [1, 2.7778, 25.2525, 2500.25], rtol=1e-5)


def test_only_squared_error_of_probabilities_loses_a_decade_per_decade():
    frame = loss_gradients.STUDY.tables["true_class"](EVIDENCE).frame.set_index("loss")
    np.testing.assert_allclose(frame.loc["mse", "p = 0.1"], 2 * 0.1 * (1 - 0.2 + 0.01 + 0.09))
    assert frame.loc["softmax_ce"].tolist()[:4] == pytest.approx([0.9, 0.99, 0.999, 0.9999])
    slopes = frame["slope"].round(2)
    assert slopes[["mse", "mse_mean"]].tolist() == [0.97, 0.97]
    assert slopes[["softmax_ce", "label_smoothing_ce", "focal", "squentropy"]].abs().max() < 0.03


def test_one_neuron_ends_at_the_published_outputs():
    frame = loss_gradients.STUDY.tables["one_neuron"](EVIDENCE).frame.set_index(["loss", "start"])
    assert frame["output, step 300"].round(4).to_dict() == {
        ("cross-entropy", "wrong"): 0.0116,
        ("cross-entropy", "very wrong"): 0.0120,
        ("squared error", "wrong"): 0.0940,
        ("squared error", "very wrong"): 0.2028,
    }
    assert frame["output, step 150"]["squared error", "very wrong"] == pytest.approx(0.933, abs=5e-4)
    p = np.linspace(0, 1, 1001)
    assert neuron.GRADIENTS["squared error"](p).max() == pytest.approx(4 / 27, abs=1e-6)


def test_cross_entropy_is_entropy_plus_divergence():
    frame = loss_gradients.STUDY.tables["entropy"](EVIDENCE).frame.set_index("labels")
    np.testing.assert_allclose(frame["H + KL - CE, nats"], 0, atol=1e-15)
    assert frame.loc["soft", "CE(y, p), bits"] == pytest.approx(0.7 * 1 + 0.3 * 2)
    assert frame.loc["one-hot", "H(y), nats"] == 0


@pytest.mark.parametrize("name", loss_gradients.STUDY.figures)
def test_figures_are_a_column_wide(name):
    figure = loss_gradients.STUDY.figures[name](EVIDENCE)
    assert figure.get_figwidth() == 3.35
    assert all(ax.lines for ax in figure.axes)


def test_points_of_the_gradient_figure_lie_on_the_lines():
    figures = (loss_gradients.STUDY.figures[name](EVIDENCE) for name in ("logit_gradients", "true_class"))
    for ax in (ax for figure in figures for ax in figure.axes):
        for drawn in ax.lines:
            if drawn.get_marker() != "o":
                line = drawn  # of the points that follow, for each name of the loss
            elif len(drawn.get_xdata()):
                y = np.interp(drawn.get_xdata(), line.get_xdata(), line.get_ydata())
                np.testing.assert_allclose(drawn.get_ydata(), y, rtol=1e-9)


def test_label_smoothings_dip_reaches_the_axis():
    for ax in loss_gradients.STUDY.figures["logit_gradients"](EVIDENCE).axes:
        (line,) = (line for line in ax.lines if line.get_label() == "CE, smoothed labels")
        assert line.get_ydata().min() < ax.get_ylim()[0]


def test_benchmark_tables(monkeypatch):
    monkeypatch.setattr(speed.losses, "SPEED", {(4, 3): (5, 1000)})
    monkeypatch.setattr(speed.losses, "EXAMPLES", 16)
    times = speed.TABLES["loss_speed"]().frame
    assert (times[["ours (ms)", "tf.nn (ms)", "ours / tf.nn"]] > 0).all(axis=None)
    accuracy = speed.TABLES["loss_accuracy"]().frame
    for quantity in ("loss", "gradient"):
        assert (accuracy[f"{quantity}, ours"] <= accuracy[f"{quantity}, tf.nn"] + 1e-9).all()
    assert accuracy.filter(like="ours").max(axis=None) < 10
    assert set(accuracy["labels"]) == {"one-hot", "soft"}


def test_training_alone_trains():
    dataset = digits()
    network = softmax_regression(dataset.input_shape, dataset.num_classes)
    epoch = training_epoch(network, dataset.train)
    for seed in range(20):
        epoch(np.random.default_rng(seed).permutation(len(dataset.train)))
    predicted = network(dataset.test.images).numpy().argmax(axis=-1)
    assert (predicted == dataset.test.labels).mean() > 0.9
