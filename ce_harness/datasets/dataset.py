"""What every loader returns: three splits of images and labels, and who they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ce_harness.datasets.augmentation import Augmentation
from ce_harness.datasets.checks import Numbers
from ce_harness.datasets.scaling import Scaling


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels. The pixels stay as the source has them until they are asked for.

    Attributes:
        pixels: of all the source, (M, H, W, C), uint8 or other numbers; in memory, or mapped from a file.
        labels: int64 class ids of shape (N,).
        index: int64 of shape (N,), which of the source's examples are the split's.
        scaling: how pixels become images.
    """

    pixels: Numbers
    labels: Numbers
    index: Numbers
    scaling: Scaling = field(default_factory=Scaling)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def images(self) -> Numbers:
        """All images, float32 of shape (N, H, W, C), as the network sees them; made anew at each call."""
        return self.scaling(self.pixels[self.index])

    def in_batches(self, size: int) -> Iterator[Numbers]:
        """The images, in the split's order, ``size`` at a time."""
        for start in range(0, len(self), size):
            yield self.scaling(self.pixels[self.index[start : start + size]])


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
    def input_shape(self) -> tuple[int, ...]:
        """(H, W, C) of one image."""
        return self.train.pixels.shape[1:]

    @property
    def class_counts(self) -> dict[str, dict[str, int]]:
        """Examples per class name, for each split."""
        return {
            name: dict(
                zip(self.class_names, np.bincount(split.labels, minlength=self.num_classes).tolist(), strict=True)
            )
            for name, split in self.splits.items()
        }

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of the arrays as used: of what source, which examples, with which labels, scaled how."""
        arrays: dict[str, Numbers] = {}
        for name, split in self.splits.items():
            scaling = split.scaling
            arrays |= {f"{name}/index": split.index, f"{name}/labels": split.labels}
            arrays[f"{name}/white"] = np.array(scaling.white)
            if scaling.mean is not None and scaling.deviation is not None:
                arrays |= {f"{name}/mean": scaling.mean, f"{name}/deviation": scaling.deviation}
        return hashlib.sha256((self.source_digest + arrays_digest(arrays)).encode()).hexdigest()


def arrays_digest(arrays: Mapping[str, Numbers]) -> str:
    """SHA-256, in hex, of the name, data type, shape and bytes of each array, in the order given."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
