"""What test images that all seeds share add to an interval: by hand, and in the verdicts of made-up rows."""

import math

import numpy as np
import pandas as pd
import pytest

from ce_harness.report.study import Claim, Evidence
from ce_harness.report.verdicts.claims import effects_of, judge, judge_overall
from ce_harness.report.verdicts.images import variance_by_images
from ce_harness.report.verdicts.intervals import summarize
from ce_harness.report.verdicts.over_settings import over_settings
from ce_harness.report.verdicts.paired_tests import summary_of

DIFFERENCES = [0.02, 0.01, 0.03, 0.02, 0.01, 0.03, 0.02, 0.01]
ACCURACY = Claim("CE is more accurate", "test/accuracy", "softmax_ce", "mse", "greater", margin=0.005)


def made_up(variance, models=("lenet5",), metric="test/accuracy", **columns):
    """Runs of two losses, eight seeds and the given models; of each model the images add a variance."""
    runs = [
        {"run": f"{model}-{loss}-{seed}", "model": model, "loss": loss, "seed": seed, "dataset_digest": "one"}
        | {"test/accuracy": 0.9 + (d if loss == "softmax_ce" else 0), "test/ece": 0.1, "num_classes": 10}
        for model in models
        for loss in ("softmax_ce", "mse")
        for seed, d in enumerate(DIFFERENCES)
    ]
    # The order of a pair's names doesn't matter.
    images = [
        {"first": f"{model}-mse-0", "second": f"{model}-softmax_ce-0", "metric": metric, "variance": variance}
        for model in models
    ]
    order = ["run", "model", "loss", "seed", "test/accuracy", "test/ece", "num_classes", "dataset_digest"]
    return Evidence(runs=pd.DataFrame(runs)[order], test_images=pd.DataFrame(images if variance else []))


@pytest.mark.parametrize(
    ("differences", "variance"),
    [
        # The covariance of the two seeds: .5 over three images.
        ([[0, 1, 2], [0, 2, 1]], 0.5 / 3),
        ([[1, -1], [1, -1]], 1.0),
        # Three seeds: covariances 1, -1 and -1 say that no image is hard for all.
        ([[1, 0, -1], [1, 0, -1], [-1, 0, 1]], 0.0),
        # The same for each image: nothing depends on which they are.
        ([[0.3] * 5, [0.1] * 5], 0.0),
    ],
)
def test_images_add_the_covariance_of_two_seeds(differences, variance):
    assert variance_by_images(differences) == pytest.approx(variance)


def test_seeds_and_images_together_make_the_variance_of_the_mean():
    """Of made-up crossed effects, the scatter of the seeds and the images' part add up to what studies anew show."""
    rng = np.random.default_rng(0)
    seeds, images, means, told = 5, 40, [], []
    for _ in range(4000):
        of_seed, of_image = rng.normal(0, 0.1, (seeds, 1)), rng.normal(0, 1, images)
        d = of_seed + of_image + rng.normal(0, 2, (seeds, images))
        means.append(d.mean())
        told.append(d.mean(axis=1).var(ddof=1) / seeds + variance_by_images(d))
    # .01 / 5 + 1 / 40 + 4 / 200
    assert np.var(means) == pytest.approx(0.047, rel=0.05)
    assert np.mean(told) == pytest.approx(0.047, rel=0.05)


def test_their_variance_widens_interval_and_p_of_the_metric_alone():
    (effect,) = effects_of(ACCURACY, made_up(1e-4))
    expected = summary_of(DIFFERENCES, 1e-4)
    assert (effect.summary.low, effect.summary.high) == pytest.approx((expected.low, expected.high))
    assert effect.variance == pytest.approx(summarize(DIFFERENCES).sd ** 2 / 8 + 1e-4)
    assert judge([ACCURACY], made_up(0.0))["verdict"].item() == "supported"
    assert judge([ACCURACY], made_up(1e-4))["verdict"].item() == "inconclusive"
    assert judge([ACCURACY], made_up(1e-4, metric="test/nll"))["verdict"].item() == "supported"


def test_settings_that_share_their_images_share_their_error():
    """Three networks on one data set: images that favour a loss favour it in all three."""
    models = ("lenet5", "mlp", "convnet")
    row = judge_overall([ACCURACY], made_up(1e-4, models)).iloc[0]
    own = summarize(DIFFERENCES).sd ** 2 / 8 + 1e-4
    # Three settings' own errors, and six of nine pairs of settings that differ.
    over = over_settings([np.mean(DIFFERENCES)] * 3, [own] * 3, common=6 / 9 * 1e-4)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((over.low, over.high))
    assert over.standard_error == pytest.approx(math.sqrt(own / 3 + 6 / 9 * 1e-4))
