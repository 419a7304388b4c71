"""Images that are in two splits are told; what only looks alike is not."""

import numpy as np

from ce_harness import datasets
from ce_harness.datasets import Split
from ce_harness.datasets.shared_images import count_shared


def test_images_that_are_equal_pixel_for_pixel_are_counted():
    pixels = np.random.default_rng(0).integers(0, 256, size=(8, 5, 4, 1), dtype=np.uint8)
    pixels[5] = pixels[0]
    pixels[6] = pixels[1]
    pixels[7] = pixels[2]
    pixels[7, 0, 0] += 1  # its middle row is the same
    train, test = (Split(pixels, np.zeros(4, int), np.arange(start, start + 4)) for start in (0, 4))
    assert count_shared(test, train) == 2


def test_a_test_set_that_was_copied_from_the_training_set_is_told(tmp_path, caplog):
    x = np.random.default_rng(0).integers(0, 256, size=(40, 6, 7), dtype=np.uint8)
    y = np.arange(40) % 2
    np.savez(tmp_path / "mine.npz", x=x, y=y, x_val=x[:10] // 2, y_val=y[:10], x_test=x[:7], y_test=y[:7])
    datasets.npz(path=tmp_path / "mine.npz")
    assert "7 of 7 images of the test split are in the training split" in caplog.text
    assert "validation" not in caplog.text
