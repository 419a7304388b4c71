"""Random labels and logits, sound and not: metrics against scikit-learn, or a refusal, and never a number from nothing.

More inputs: pytest tests/losses tests/metrics --hypothesis-profile long
"""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import softmax
from sklearn.metrics import accuracy_score, balanced_accuracy_score, brier_score_loss, confusion_matrix, log_loss

from ce_harness import metrics

SHAPES = st.tuples(st.integers(1, 30), st.integers(2, 6))


@st.composite
def scored(draw):
    """Class ids and finite logits."""
    examples, num_classes = draw(SHAPES)
    scale = 10.0 ** draw(st.integers(-3, 2))
    logits = scale * draw(hnp.arrays(np.float64, (examples, num_classes), elements=st.floats(-3, 3)))
    return draw(hnp.arrays(np.int64, examples, elements=st.integers(0, num_classes - 1))), logits


@given(scored())
def test_metrics_are_scikit_learns(case):
    labels, logits = case
    probabilities, classes = softmax(logits, axis=1), range(logits.shape[1])
    chosen = probabilities.argmax(axis=1)  # logits that differ by less than a rounding of 1 are equally probable
    scores = metrics.score(labels, logits)
    assert scores["accuracy"] == accuracy_score(labels, chosen)
    np.testing.assert_array_equal(
        metrics.confusion_matrix(labels, probabilities), confusion_matrix(labels, chosen, labels=classes)
    )
    with warnings.catch_warnings(action="ignore"):  # of classes without examples
        assert scores["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, chosen))
    assert scores["brier"] == pytest.approx(
        brier_score_loss(labels, probabilities, labels=classes, scale_by_half=False), abs=1e-12
    )
    if probabilities.min() > 1e-15:  # scikit-learn clips
        assert scores["nll"] == pytest.approx(log_loss(labels, probabilities, labels=classes), rel=1e-9)


@given(scored())
def test_calibration_errors_keep_their_bounds(case):
    labels, logits = case
    probabilities, scores = softmax(logits, axis=1), metrics.score(labels, logits)
    assert 0 <= scores["ece"] <= 1
    assert 0 <= scores["ece_floor"] <= 0.5
    assert -scores["ece"] - 0.5 <= scores["ece_debiased"] <= scores["ece"] + 1e-12
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    by_hand = 0.0
    for low in range(15):
        inside = (confidence > low / 15) & (confidence <= (low + 1) / 15)
        if inside.any():
            by_hand += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    assert scores["ece"] == pytest.approx(by_hand, abs=1e-9) or np.isclose(confidence * 15 % 1, 0).any()


@given(scored())
def test_no_temperature_is_better_than_the_fitted_one(case):
    labels, logits = case
    fitted = metrics.split_nll(labels, logits, metrics.fit_temperature(labels, logits))
    if not fitted.at_bound:
        for temperature in (0.1, 0.5, 1.0, 2.0, 10.0):
            assert fitted.refinement <= metrics.split_nll(labels, logits, temperature).refinement + 1e-6


LABEL_TYPES = st.sampled_from([np.int64, np.uint8, np.float32, bool, object])
LOGIT_TYPES = st.sampled_from([np.float64, np.float16, np.int32, bool])


@given(
    hnp.arrays(LABEL_TYPES, hnp.array_shapes(min_dims=0, max_dims=2, max_side=4)),
    hnp.arrays(LOGIT_TYPES, hnp.array_shapes(min_dims=0, max_dims=3, max_side=4)),
)
def test_anything_else_is_refused_and_nothing_scores_nan(labels, logits):
    try:
        scores = metrics.score(labels, logits)
    except ValueError as error:
        refusal = str(error)
    else:
        assert not np.isnan(list(scores.values())).any()
        return
    assert "labels" in refusal or "logits" in refusal
