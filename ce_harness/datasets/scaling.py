"""From pixels as they are stored to images as a network sees them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ce_harness.datasets.checks import Numbers
from ce_harness.errors import DataError

_AT_A_TIME = 1024  # images; as many are held as float32 while a data set is measured


@dataclass(frozen=True, eq=False)
class Scaling:
    """Divides by ``white``, then shifts and scales each channel if there is a mean.

    Pixels stay as they are stored until they go into a batch: as uint8 they take a quarter of the memory.

    Attributes:
        white: the pixel value that becomes 1.
        mean: of each channel, float64 of shape (C,), after the division; None leaves the channels alone.
        deviation: standard deviation of each channel, likewise.
    """

    white: float = 1.0
    mean: Numbers | None = None
    deviation: Numbers | None = None

    def __call__(self, pixels: Numbers) -> Numbers:
        """Images, float32, of the shape of ``pixels``."""
        images = pixels.astype(np.float32)
        if self.white != 1:
            images /= np.float32(self.white)
        if self.mean is not None and self.deviation is not None:
            np.subtract(images, self.mean, out=images, casting="same_kind")
            np.divide(images, self.deviation, out=images, casting="same_kind")
        return images

    def standardizing(self, pixels: Numbers, index: Numbers, source: str) -> Scaling:
        """This scaling, followed by one that brings each channel to mean 0 and standard deviation 1.

        Args:
            pixels: shape (N, H, W, C).
            index: which of them are measured: those of the training split.
            source: what to call them in messages.

        Raises:
            DataError: a channel is constant.
        """
        parts = [index[start : start + _AT_A_TIME] for start in range(0, len(index), _AT_A_TIME)]
        per_channel = len(index) * pixels.shape[1] * pixels.shape[2]
        axes = (0, 1, 2)
        mean = sum(self(pixels[part]).sum(axes, dtype=np.float64) for part in parts) / per_channel
        squares = sum(np.square(self(pixels[part]) - mean).sum(axes) for part in parts)
        constant = np.all([pixels[part].min(axes) == pixels[index[0]].min((0, 1)) for part in parts], axis=0)
        constant &= np.all([pixels[part].max(axes) == pixels[index[0]].min((0, 1)) for part in parts], axis=0)
        if constant.any():
            raise DataError(
                f"channel {int(np.argmax(constant))} of the training images of {source} is constant, so it has no "
                "standard deviation to divide by; set dataset.standardize=false or drop the channel"
            )
        return replace(self, mean=mean, deviation=np.sqrt(squares / per_channel))
