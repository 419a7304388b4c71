"""Pixels on another scale are refused, and the advice gives what the same pixels give as uint8."""

import re

import numpy as np
import pytest

from ce_harness import datasets
from ce_harness.errors import DataError

BYTES = np.random.default_rng(0).integers(0, 256, size=(40, 6, 7), dtype=np.uint8)
LABELS = np.arange(40) % 2


def load(folder, x, *, standardize=False, white=None, **more):
    path = folder / "mine.npz"
    np.savez(path, x=x, y=LABELS, **more)
    return datasets.npz(path=path, standardize=standardize, white=white)


DOUBTFUL = {
    "float in 0 to 255": (BYTES.astype(np.float32), "float32 from 0 to 255, while floating-point pixels are taken"),
    "float scaled twice": (BYTES / 255**2, "float64 from 0 to 0.00392157, as if they had been scaled twice"),
    "int64": (BYTES.astype(np.int64), "int64 from 0 to 255, for which no value is known to be white"),
    "12 bits in int16": (BYTES.astype(np.int16) * 16 + 15, "int16 from 15 to 4095"),
    "16 bits": (BYTES.astype(np.uint16) * 257, "uint16 from 0 to 65535"),
    "four bits in floats": (BYTES // 16 + 0.0, "float64 from 0 to 15, and whole numbers all"),
    "four bits in int64": (BYTES.astype(np.int64) // 16, "int64 from 0 to 15"),
    "ten bits": (BYTES.astype(np.uint16) * 4 + 3, "uint16 from 3 to 1023"),
    "four bits in uint8": (BYTES // 16, "uint8 from 0 to 15, while uint8 goes to 255"),
    "two values in uint8": (BYTES // 128, "uint8 from 0 to 1, while uint8 goes to 255"),
}


@pytest.mark.parametrize(("x", "message"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_a_doubtful_range_is_stated_and_the_advice_is_right(tmp_path, x, message):
    with pytest.raises(DataError, match=re.escape(message)) as refusal:
        load(tmp_path, x)
    advised = float(re.search(r"dataset\.white=(\S+),", str(refusal.value))[1])
    followed = load(tmp_path, x, white=advised)
    np.testing.assert_allclose(followed.train.images.max(), 1, atol=1e-5)
    assert followed.train.images.min() >= 0
    standardized = load(tmp_path, x, standardize=True)
    assert standardized.train.images.std() == pytest.approx(1, abs=1e-5)


def test_what_is_accepted_as_it_is(tmp_path):
    expected = load(tmp_path, BYTES).train.images
    assert expected.max() == 1
    np.testing.assert_array_equal(load(tmp_path, BYTES / np.float32(255)).train.images, expected)
    np.testing.assert_array_equal(load(tmp_path, BYTES.astype(np.float64), white=255).train.images, expected)
    black_and_white = load(tmp_path, BYTES > 127).train.images
    assert set(np.unique(black_and_white)) == {0, 1}
    normal = np.random.default_rng(0).normal(size=(40, 6, 7))
    assert load(tmp_path, normal).train.images.min() < -2


FLOATS = BYTES / np.float32(255)
SCALES = {
    "uint8 and floats up to 255": (BYTES, BYTES.astype(np.float32), "uint8 from 0 to 255.*float32 from 0 to 255"),
    "floats to 1 and to 255": (FLOATS, BYTES.astype(np.float32), "float32 from 0 to 1,.*float32 from 0 to 255"),
    "floats from 0 and from -1": (FLOATS, 2 * FLOATS - 1, "float32 from 0 to 1,.*float32 from -1 to 1"),
    "standardized and not": (4 * FLOATS - 2, FLOATS, "float32 from -2 to 2,.*float32 from 0 to 1"),
    "uint8 to 255 and to 15": (BYTES, BYTES // 16, "uint8 from 0 to 255,.*uint8 from 0 to 15"),
}


@pytest.mark.parametrize("options", [{}, {"standardize": True}, {"white": 3}], ids=str)
@pytest.mark.parametrize(("train", "test", "ranges"), SCALES.values(), ids=SCALES)
def test_a_test_set_on_another_scale_is_refused_whatever_the_options(tmp_path, train, test, ranges, options):
    with pytest.raises(DataError, match=f"images on different scales .*{ranges}"):
        load(tmp_path, train, x_test=test, y_test=LABELS, **options)


@pytest.mark.parametrize(
    ("x", "white", "right"),
    [(FLOATS, 255, 1), (BYTES, 1, 255), (BYTES.astype(np.uint16) * 257, 255, 65535), (BYTES, 65535, 255)],
)
def test_a_white_that_does_not_fit_is_refused(tmp_path, x, white, right):
    with pytest.raises(DataError, match=f"^dataset.white={white}: the pixels .*for example dataset.white={right}$"):
        load(tmp_path, x, white=white)
    np.testing.assert_allclose(load(tmp_path, x, white=right).train.images.max(), 1)
