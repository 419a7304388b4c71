"""Wrong labels: how many, which, and that the test set stays clean."""

import numpy as np

from ce_harness import datasets
from ce_harness.datasets.label_noise import with_label_noise


def test_the_share_is_exact_and_every_other_class_as_likely():
    labels = np.arange(30_000) % 3
    noisy = with_label_noise(labels, share=0.4, num_classes=3, seed=(0, 0))
    wrong = noisy != labels
    assert wrong.sum() == 12_000
    counts = np.histogram2d(labels[wrong], noisy[wrong], bins=3)[0]
    np.testing.assert_allclose(counts, 2000 * (1 - np.eye(3)), atol=150)  # 3 standard deviations are 95


def test_only_training_and_validation_labels_are_made_wrong():
    clean, noisy = datasets.digits(), datasets.digits(label_noise=0.2)
    for name, share in (("train", 0.2), ("validation", 0.2), ("test", 0)):
        wrong = clean.splits[name].labels != noisy.splits[name].labels
        assert wrong.sum() == round(share * len(wrong))
        np.testing.assert_array_equal(clean.splits[name].images, noisy.splits[name].images)
    assert noisy.source_digest == clean.source_digest
    assert noisy.digest != clean.digest


def test_the_noise_follows_the_seed_of_the_split():
    first, again, other = (datasets.digits(label_noise=0.2, split_seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.train.labels, again.train.labels)
    assert (first.train.labels != other.train.labels).any()
