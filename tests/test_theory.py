"""The facts of the losses, by numbers worked by hand."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ce_harness.theory import LOSSES, gradient_at, logit_gradient, slope_in_decades, true_class_gradient

CONFIGS = Path(__file__).parents[1] / "conf" / "loss"


def test_every_loss_of_the_configs_has_an_entry():
    assert set(LOSSES) == {path.stem for path in CONFIGS.glob("*.yaml")}


def test_no_two_losses_look_alike():
    assert len({facts.color for facts in LOSSES.values()}) == len(LOSSES)


def test_needs_no_tensorflow():
    code = "import sys, ce_harness.theory; assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("num_classes", [2, 10, 100])
@pytest.mark.parametrize("loss", [loss for loss, facts in LOSSES.items() if facts.ce_over_loss])
def test_scale_at_a_uniform_prediction_is_that_of_the_closed_forms(loss, num_classes):
    uniform = np.array([1 / num_classes])
    ce, other = (gradient_at(name, uniform, num_classes)[0] for name in ("softmax_ce", loss))
    np.testing.assert_allclose(LOSSES[loss].ce_over_loss(num_classes) * other, ce, atol=1e-14)


def test_uniform_start_constants():
    labels, logits = np.eye(10)[0], np.zeros(10)
    norms = [np.linalg.norm(logit_gradient(name, labels, logits)) for name in ("softmax_ce", "mse", "mse_mean")]
    np.testing.assert_allclose(norms, [0.9487, 0.1897, 0.01897], rtol=1e-3)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_closed_form_of_the_focal_gradient_at_probabilities_0_and_1(gamma):
    """Surely wrong it is cross-entropy's, p - y; surely right, 0."""
    gradient = logit_gradient("focal", [[1, 0], [1, 0]], [[-800, 0], [800, 0]], gamma=gamma)
    np.testing.assert_array_equal(gradient, [[-1, 1], [0, 0]])


def test_closed_forms_refuse_class_ids():
    with pytest.raises(ValueError, match=r"labels \(2, 1\), logits \(2, 3\)"):
        logit_gradient("mse", [[0], [2]], np.zeros((2, 3)))


@pytest.mark.parametrize("num_classes", [2, 10])
def test_a_confidently_wrong_prediction_meets_the_formulas_of_one_wrong_class(num_classes):
    p = np.array([0.9, 0.5, 0.1, 1e-2, 1e-4])
    ce, mse = (gradient_at(loss, p, num_classes, wrong_classes=1) for loss in ("softmax_ce", "mse"))
    np.testing.assert_allclose(np.linalg.norm(ce, axis=-1), np.sqrt(2) * (1 - p))
    np.testing.assert_allclose(np.linalg.norm(mse, axis=-1), 4 * np.sqrt(2) * p * (1 - p) ** 2)
    np.testing.assert_allclose(true_class_gradient("softmax_ce", p, num_classes, wrong_classes=1), 1 - p)
    np.testing.assert_allclose(true_class_gradient("mse", p, num_classes, wrong_classes=1), 4 * p * (1 - p) ** 2)


def test_true_class_gradient_where_the_rest_is_spread_evenly():
    """2 p (1 - 2 p + p^2 + (1 - p)^2 / (K - 1)): p = .1 and K = 10 give .18."""
    np.testing.assert_allclose(true_class_gradient("mse", [0.1], 10), [0.2 * (0.8 + 0.01 + 0.09)])
    np.testing.assert_allclose(true_class_gradient("softmax_ce", [0.1], 10), [0.9])


def test_only_squared_errors_of_probabilities_saturate():
    p = np.logspace(-6, -4, 5)
    slopes = {loss: slope_in_decades(p, true_class_gradient(loss, p, 10)) for loss in LOSSES}
    flat = ("softmax_ce", "builtin_ce", "label_smoothing_ce", "focal", "squentropy")
    assert [slopes[loss] for loss in ("mse", "mse_mean")] == pytest.approx([1, 1], abs=1e-3)
    assert [slopes[loss] for loss in flat] == pytest.approx([0] * 5, abs=1e-3)
    assert -0.1 < slopes["mse_logits"] < 0  # it grows with the logit, whose size is the logarithm of p


def test_slope_does_not_depend_on_scale_and_leaves_out_what_has_no_logarithm():
    p = np.array([1e-3, 1e-2, 1e-1])
    assert slope_in_decades(p, 7 * p**2) == pytest.approx(2)
    assert slope_in_decades([1e-3, 1e-2, 1e-1, 0.9], [1e-3, 1e-2, 1e-1, -0.1]) == pytest.approx(1)
    assert np.isnan(slope_in_decades([0.1], [0.1]))
