"""Which random changes a training image may undergo. How they are drawn is in ``pipeline``."""

from __future__ import annotations

from dataclasses import dataclass

from ce_harness.errors import ConfigError


@dataclass(frozen=True)
class Augmentation:
    """Random changes of training images, drawn anew in every epoch.

    Attributes:
        horizontal_flip: mirror left and right with probability 1/2.
        shift: largest translation in pixels, up, down, left and right; what comes in at the edge is 0
            (pad and crop: He et al. 2016, arXiv 1512.03385, section 4.2, with a shift of 4).

    Raises:
        ConfigError: an option of the wrong type or sign.
    """

    horizontal_flip: bool = False
    shift: int = 0

    def __post_init__(self):
        if not isinstance(self.horizontal_flip, bool):
            raise ConfigError(
                f"dataset.augmentation.horizontal_flip is {self.horizontal_flip!r}; allowed: true or false"
            )
        if not isinstance(self.shift, int) or isinstance(self.shift, bool) or self.shift < 0:
            raise ConfigError(
                f"dataset.augmentation.shift is {self.shift!r}; allowed: a whole number of pixels, 0 or more"
            )
