"""A user's own images, from a folder with one subfolder per class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ce_harness.datasets.dataset import Dataset
from ce_harness.datasets.preparation import RawImages, prepare
from ce_harness.errors import ConfigError, DataError

_MODES = {1: "L", 3: "RGB"}


def image_directory(
    *,
    path: str | Path,
    size: int | Sequence[int] = 64,
    channels: int = 3,
    val_fraction: float = 0.15,
    test_fraction: float = 0.15,
    **options,
) -> Dataset:
    """Images in any format Pillow reads; the subfolders' names, sorted, are the classes'.

    Every image is turned upright as its EXIF data say, resized with an antialiasing bilinear filter without
    regard to its proportions, and divided by 255. Transparency is dropped. Hidden files are skipped; any
    other file that is not an image is refused, because a class that lacks images in silence is worse.

    Args:
        path: the folder.
        size: height and width in pixels; one number for a square.
        channels: 3 for colour, 1 for grey; images of the other kind are converted.
        val_fraction: share of the images that becomes the validation split.
        test_fraction: share of the images that becomes the test split.
        **options: ``split_seed``, ``limit``, ``standardize``, ``augmentation``: see ``preparation.prepare``.

    Raises:
        ConfigError: a size or number of channels that can't be.
        DataError: a folder that can't be read or has fewer than two classes, or a file that is not an image.
    """
    height, width = _height_and_width(size)
    if channels not in _MODES:
        raise ConfigError(f"dataset.channels is {channels!r}; allowed: 1 for grey or 3 for colour")
    root = Path(path)
    classes = _entries(root)
    for stray in classes:
        if not stray.is_dir():
            raise DataError(f"{stray} lies beside the class folders; move it into one or away")
    if len(classes) < 2:
        raise DataError(f"{root} has {len(classes)} class folders; at least 2 are needed, one per class")
    files, labels = [], []
    for label, folder in enumerate(classes):
        images = _entries(folder)
        if not images:
            raise DataError(f"{folder} is empty; put the images of its class there or remove it")
        files += images
        labels += [label] * len(images)
    pixels = np.empty((len(files), height, width, channels), dtype=np.uint8)
    for position, file in enumerate(files):
        pixels[position] = _read(file, (width, height), _MODES[channels]).reshape(height, width, channels)
    return prepare(
        root.resolve().name,
        RawImages(pixels, np.array(labels), str(root)),
        class_names=[folder.name for folder in classes],
        white=255,
        val_fraction=val_fraction,
        test_fraction=test_fraction,
        **options,
    )


def _height_and_width(size: int | Sequence[int]) -> tuple[int, int]:
    sides = tuple(size) if isinstance(size, Sequence) and not isinstance(size, str) else (size, size)
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
        raise ConfigError(f"dataset.size is {size!r}; allowed: pixels as one number or [height, width]; for example 64")
    return sides


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(
            f"{folder} can't be read ({error.strerror}); dataset.path must be a readable folder with one "
            "subfolder of images per class"
        ) from error


def _read(file: Path, size: tuple[int, int], mode: str) -> np.ndarray:
    try:
        # Only verify() looks at the checksums inside a PNG, and it leaves the image unusable.
        with Image.open(file) as image:
            image.verify()
        with Image.open(file) as image:
            if image.mode.startswith(("I", "F")):
                raise DataError(
                    f"{file} has more than 8 bits per channel (Pillow mode {image.mode}), which Pillow would "
                    "clip; convert it to 8 bits"
                )
            upright = ImageOps.exif_transpose(image)
            return np.asarray(upright.convert(mode).resize(size, Image.Resampling.BILINEAR))
    except DataError:
        raise
    except Exception as error:  # on damaged bytes Pillow's decoders raise what they stumble over, a TypeError even
        raise DataError(f"{file} is not an image that can be read ({error}); repair or remove it") from error
