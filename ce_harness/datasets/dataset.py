"""What every loader returns: three splits of images and labels, and who they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ce_harness.datasets.augmentation import Augmentation


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels.

    Attributes:
        images: float32 of shape (N, H, W, C), scaled as the network sees them.
        labels: int64 class ids of shape (N,).
        index: int64 of shape (N,), the position of each example in the source it came from.
    """

    images: np.ndarray
    labels: np.ndarray
    index: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A classification data set, split and ready to train on.

    Attributes:
        name: short name, for run names and tables.
        train: what the weights are fitted to.
        validation: what learning rates, epochs and temperatures are chosen on.
        test: looked at once, at the end.
        class_names: the name of class ``k`` at position ``k``.
        source_digest: SHA-256, in hex, of images and labels as the source gives them, before anything is split off.
        augmentation: how training images are varied; None leaves them alone.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    source_digest: str
    augmentation: Augmentation | None = None

    @property
    def splits(self) -> Mapping[str, Split]:
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of one image."""
        return self.train.images.shape[1:]

    @property
    def class_counts(self) -> dict[str, dict[str, int]]:
        """Examples per class name, for each split."""
        return {
            split: dict(
                zip(
                    self.class_names,
                    np.bincount(content.labels, minlength=self.num_classes).tolist(),
                    strict=True,
                )
            )
            for split, content in self.splits.items()
        }

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of the arrays as used: which split, data type, shape and bytes of each."""
        return arrays_digest(
            {
                f"{split}/{kind}": array
                for split, content in self.splits.items()
                for kind, array in (("images", content.images), ("labels", content.labels))
            }
        )


def arrays_digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256, in hex, of the name, data type, shape and bytes of each array, in the order given."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()
