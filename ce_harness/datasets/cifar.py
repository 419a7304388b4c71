"""The binary archives of CIFAR-10 and CIFAR-100."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np

from ce_harness.datasets.checks import Numbers

_PIXELS = 3 * 32 * 32
_ImagesAndLabels = tuple[Numbers, Numbers]


def read_cifar(archive: Path, *, label_bytes: int) -> tuple[_ImagesAndLabels, _ImagesAndLabels, tuple[str, ...]]:
    """Reads an archive as it is, in memory: nothing is unpacked to disk.

    A record is ``label_bytes`` labels and 3,072 pixels, the red, green and blue 32x32 planes one after the
    other (https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version"). The last label of a record is the
    one used: CIFAR-100 stores a coarse one before it.

    Args:
        archive: ``cifar-10-binary.tar.gz`` or ``cifar-100-binary.tar.gz``.
        label_bytes: 1 for CIFAR-10, 2 for CIFAR-100.

    Returns:
        ``(images, labels)`` of the training set, the same of the test set, and the class names. Images are uint8 (N,
        32, 32, 3), labels uint8 (N,).
    """
    records: dict[str, Numbers] = {}
    class_names: tuple[str, ...] = ()
    with tarfile.open(archive) as tar:
        for member in tar:
            name, file = Path(member.name).name, tar.extractfile(member)
            if file is None:  # a folder
                continue
            if name.endswith(".bin"):
                records[name] = np.frombuffer(file.read(), dtype=np.uint8)
            elif name in ("batches.meta.txt", "fine_label_names.txt"):
                class_names = tuple(file.read().decode().split())
    test_names = {"test_batch.bin", "test.bin"}
    train = np.concatenate([records[name] for name in sorted(records.keys() - test_names)])
    test = np.concatenate([records[name] for name in sorted(records.keys() & test_names)])
    return _decoded(train, label_bytes), _decoded(test, label_bytes), class_names


def _decoded(records: Numbers, label_bytes: int) -> _ImagesAndLabels:
    records = records.reshape(-1, label_bytes + _PIXELS)
    planes = records[:, label_bytes:].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, label_bytes - 1]
