"""Which random changes a training image may undergo. How they are drawn is in ``pipeline``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Augmentation:
    """Random changes of training images, drawn anew in every epoch.

    Attributes:
        horizontal_flip: mirror left and right with probability 1/2.
        shift: largest translation in pixels, up, down, left and right; what comes in at the edge is 0
            (pad and crop: He et al. 2016, arXiv 1512.03385, section 4.2, with a shift of 4).
    """

    horizontal_flip: bool = False
    shift: int = 0
