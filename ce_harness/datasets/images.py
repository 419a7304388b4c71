"""One image of a user's own, from a file to pixels of a given size."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from ce_harness.datasets.checks import Numbers
from ce_harness.errors import DataError

MODES = {1: "L", 3: "RGB"}
# Pillow's own limit, at which it only warns: 12 bytes of PNG unpack to any number of pixels.
_MOST_PIXELS = 89_478_485
# Several images in one file; a photograph of format MPO has a preview beside it, which nobody means.
_SEVERAL_IMAGES = {"GIF", "TIFF", "WEBP", "PNG"}


def read_image(file: Path, size: tuple[int, int], channels: int, background: str) -> Numbers:
    """Upright as its EXIF data say, transparency laid on ``background``, converted, and resized.

    Args:
        file: in any format that Pillow reads.
        size: width and height in pixels; the filter is bilinear and antialiasing, proportions are not kept.
        channels: 1 for grey, 3 for colour.
        background: colour behind what is transparent.

    Returns:
        uint8 of shape (height, width, channels).

    Raises:
        DataError: names the file; it is no image, damaged, too large, of more than 8 bits or more than one. Its shape
            can't be told from the background.
    """
    if not file.is_file():
        raise DataError(f"{file} is not an image that can be read (a folder, pipe or device); repair or remove it")
    try:
        with warnings.catch_warnings(action="ignore"):  # of tags that Pillow skips, and of sizes that are refused here
            # Only verify() looks at the checksums inside a PNG, and it leaves the image unusable.
            with Image.open(file) as image:
                _refuse(image, file)
                image.verify()
            with Image.open(file) as image:
                upright: Image.Image = ImageOps.exif_transpose(image)
                if upright.has_transparency_data:
                    upright = _laid_on(background, upright.convert("RGBA"), file)
                resized = upright.convert(MODES[channels]).resize(size, Image.Resampling.BILINEAR)
                return np.asarray(resized).reshape(size[1], size[0], channels)
    except DataError:
        raise
    except Exception as error:  # on damaged bytes Pillow's decoders raise what they stumble over, a TypeError even
        raise DataError(f"{file} is not an image that can be read ({error}); repair or remove it") from error


def _laid_on(background: str, image: Image.Image, file: Path) -> Image.Image:
    laid = Image.alpha_composite(Image.new("RGBA", image.size, background), image)
    if _is_blank(laid) and not _is_blank(image.getchannel("A")):
        other = "black" if background == "white" else "white"
        raise DataError(
            f"{file} is {background} on {background}: its shape is in its transparency alone; set dataset.background="
            f"{other}, or remove it"
        )
    return laid


def _is_blank(image: Image.Image) -> bool:
    colours: Any = image.getextrema()
    return all(low == high for low, high in (colours if isinstance(colours[0], tuple) else [colours]))


def _refuse(image: Image.Image, file: Path) -> None:
    pixels = image.width * image.height
    if pixels > _MOST_PIXELS:
        raise DataError(f"{file} has {pixels:,} pixels; allowed are {_MOST_PIXELS:,}; make it smaller or remove it")
    if image.mode.startswith(("I", "F")):
        raise DataError(
            f"{file} has more than 8 bits per channel (Pillow mode {image.mode}), which Pillow would "
            "clip; convert it to 8 bits"
        )
    count = getattr(image, "n_frames", 1) if image.format in _SEVERAL_IMAGES else 1
    if count > 1:
        raise DataError(f"{file} holds {count} images; save the one that is meant, or each in a file of its own")
