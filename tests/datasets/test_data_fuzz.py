"""Files of data that are damaged at random: a sound data set, or a refusal, and never anything else.

More inputs: pytest tests/datasets --hypothesis-profile long
"""

import gzip
import io
from functools import cache

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ce_harness import datasets
from ce_harness.datasets.idx import read_idx
from ce_harness.datasets.images import read_image
from ce_harness.errors import DataError
from tests.refusals import in_one_line

# What is done to a file: at a place (a share of its length), bytes are replaced, inserted or cut out.
DAMAGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 8), st.binary(max_size=8)), max_size=4)


def damaged(content, damages):
    for share, removed, inserted in damages:
        at = int(share * len(content))
        content = content[:at] + inserted + content[at + removed :]
    return content


@cache
def archive(kind):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, 4, 4, 1))
    x = {"uint8": images.astype(np.uint8), "float32": (images / 255).astype(np.float32), "flat": images[..., 0]}[kind]
    file = io.BytesIO()
    save = np.savez_compressed if kind == "uint8" else np.savez
    save(file, x=x, y=np.arange(24) % 3)
    return file.getvalue()


@given(st.sampled_from(["uint8", "float32", "flat"]), DAMAGES)
def test_an_npz_file(tmp_path_factory, kind, damages):
    path = tmp_path_factory.getbasetemp() / "data.npz"
    path.write_bytes(damaged(archive(kind), damages))
    try:
        dataset = datasets.npz(path=path, val_fraction=0.25, test_fraction=0.25, split_seed=0)
    except DataError as error:
        in_one_line(error)
        return
    assert np.isfinite(dataset.train.images).all()
    assert 0 <= dataset.train.labels.min() <= dataset.train.labels.max() < dataset.num_classes


@given(st.lists(st.integers(0, 5), min_size=1, max_size=3), DAMAGES, st.booleans())
def test_an_idx_file(tmp_path_factory, shape, damages, packed):
    values = np.arange(np.prod(shape)).astype(np.uint8)
    header = bytes([0, 0, 8, len(shape)]) + b"".join(int(n).to_bytes(4, "big") for n in shape)
    content = header + values.tobytes()
    path = tmp_path_factory.getbasetemp() / "data.gz"
    if packed:  # the damage is to the packed file
        path.write_bytes(damaged(gzip.compress(content, mtime=0), damages))
    else:
        content = damaged(content, damages)
        path.write_bytes(gzip.compress(content, 1, mtime=0))
    try:
        array = read_idx(path)
    except ValueError:
        return
    assert array.dtype == np.uint8
    assert packed or array.tobytes() == content[len(content) - array.size :]


@cache
def picture(kind, mode):
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 4)).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(file, kind)
    return file.getvalue()


PICTURES = [("PNG", "RGBA"), ("PNG", "P"), ("PNG", "L"), ("JPEG", "RGB"), ("GIF", "P"), ("BMP", "RGB"), ("TIFF", "RGB"),
            ("WEBP", "RGBA"), ("PPM", "L"), ("TGA", "RGBA")]  # fmt: skip


@given(st.sampled_from(PICTURES), DAMAGES, st.sampled_from([1, 3]))
def test_an_image(tmp_path_factory, of, damages, channels):
    path = tmp_path_factory.getbasetemp() / "image"
    path.write_bytes(damaged(picture(*of), damages))
    try:
        pixels = read_image(path, (8, 6), channels, "white")
    except DataError as error:
        in_one_line(error)
        return
    assert (pixels.shape, pixels.dtype) == ((6, 8, channels), np.uint8)
