"""The published data sets. Each file is checked against its SHA-256 before a byte of it is interpreted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from ce_harness.datasets.cifar import read_cifar
from ce_harness.datasets.dataset import Dataset
from ce_harness.datasets.downloads import RemoteFile, fetch, find
from ce_harness.datasets.idx import read_idx
from ce_harness.datasets.preparation import RawImages, prepare

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")

_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
_TORONTO = "https://www.cs.toronto.edu/~kriz"

# Sums: Fashion-MNIST as packaged by Debian, equal to Keras's files; MNIST as pinned by Keras; the CIFAR archives as
# pinned by TensorFlow Datasets. Theirs are the binary ones, which hold plain records: the Python ones hold pickles,
# which run code when read.
FASHION_MNIST = tuple(
    RemoteFile(f"{_KERAS}/{name}-ubyte.gz", sha256)
    for name, sha256 in (
        ("train-images-idx3", "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7"),
        ("train-labels-idx1", "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056"),
        ("t10k-images-idx3", "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa"),
        ("t10k-labels-idx1", "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05"),
    )
)
MNIST = RemoteFile(f"{_KERAS}/mnist.npz", "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1")
CIFAR10 = RemoteFile(
    f"{_TORONTO}/cifar-10-binary.tar.gz", "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
)
CIFAR100 = RemoteFile(
    f"{_TORONTO}/cifar-100-binary.tar.gz", "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"
)

_GARMENTS = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
NUMERALS = tuple("0123456789")


def keras_cache() -> Path:
    """The folder Keras keeps its downloads in."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "datasets"


def digits(*, val_fraction: float = 0.15, test_fraction: float = 0.25, **options: Any) -> Dataset:
    """1,797 handwritten digits, 8x8x1, ten classes; part of scikit-learn, nothing to download.

    The default split is 1,077 train, 270 validation and 450 test. Pixels, 0 to 16, are divided by 16.

    Args:
        val_fraction: share of the 1,797 that becomes the validation split.
        test_fraction: share of the 1,797 that becomes the test split.
        **options: see ``preparation.prepare``.
    """
    source = load_digits()
    return prepare(
        "digits",
        RawImages(source.images.astype(np.uint8), source.target, "digits"),
        class_names=NUMERALS,
        white=16,
        val_fraction=val_fraction,
        test_fraction=test_fraction,
        **options,
    )


def fashion_mnist(*, path: str | Path | None = None, val_fraction: float = 0.1, **options: Any) -> Dataset:
    """Fashion-MNIST: 60,000 + 10,000 garments, 28x28x1, ten classes (Xiao et al. 2017, arXiv 1708.07747).

    Args:
        path: folder of the four IDX files. None looks in Debian's ``dataset-fashion-mnist``, then in Keras's
            cache, then downloads into the latter.
        val_fraction: share of the 60,000 that becomes the validation split.
        **options: see ``preparation.prepare``.

    Raises:
        DataError: a file is missing and can't be downloaded, or is damaged.
    """
    if path is not None:
        files = [find(file, Path(path)) for file in FASHION_MNIST]
    else:
        package = " or install the Debian package dataset-fashion-mnist"
        cache = keras_cache() / "fashion-mnist"
        files = [fetch(file, cache, also_in=[DEBIAN_FASHION_MNIST], hint=package) for file in FASHION_MNIST]
    train_images, train_labels, test_images, test_labels = map(read_idx, files)
    return prepare(
        "fashion_mnist",
        RawImages(train_images, train_labels, "fashion_mnist"),
        test=RawImages(test_images, test_labels, "the test set of fashion_mnist"),
        class_names=_GARMENTS,
        val_fraction=val_fraction,
        **options,
    )


def mnist(*, path: str | Path | None = None, val_fraction: float = 0.1, **options: Any) -> Dataset:
    """MNIST: 60,000 + 10,000 handwritten digits, 28x28x1, ten classes (LeCun et al. 1998).

    Args:
        path: folder of ``mnist.npz``. None looks in Keras's cache and downloads into it.
        val_fraction: share of the 60,000 that becomes the validation split.
        **options: see ``preparation.prepare``.

    Raises:
        DataError: the file is missing and can't be downloaded, or is damaged.
    """
    file = fetch(MNIST, keras_cache()) if path is None else find(MNIST, Path(path))
    with np.load(file, allow_pickle=False) as arrays:
        return prepare(
            "mnist",
            RawImages(arrays["x_train"], arrays["y_train"], "mnist"),
            test=RawImages(arrays["x_test"], arrays["y_test"], "the test set of mnist"),
            class_names=NUMERALS,
            val_fraction=val_fraction,
            **options,
        )


def cifar10(*, path: str | Path | None = None, val_fraction: float = 0.1, **options: Any) -> Dataset:
    """CIFAR-10: 50,000 + 10,000 colour photographs, 32x32x3, ten classes (Krizhevsky 2009).

    Args:
        path: folder of ``cifar-10-binary.tar.gz``. None looks in Keras's cache and downloads into it.
        val_fraction: share of the 50,000 that becomes the validation split.
        **options: see ``preparation.prepare``.

    Raises:
        DataError: the archive is missing and can't be downloaded, or is damaged.
    """
    return _cifar("cifar10", CIFAR10, path, label_bytes=1, val_fraction=val_fraction, **options)


def cifar100(*, path: str | Path | None = None, val_fraction: float = 0.1, **options: Any) -> Dataset:
    """CIFAR-100: 50,000 + 10,000 colour photographs, 32x32x3, a hundred fine classes (Krizhevsky 2009).

    Args:
        path: folder of ``cifar-100-binary.tar.gz``. None looks in Keras's cache and downloads into it.
        val_fraction: share of the 50,000 that becomes the validation split.
        **options: see ``preparation.prepare``.

    Raises:
        DataError: the archive is missing and can't be downloaded, or is damaged.
    """
    return _cifar("cifar100", CIFAR100, path, label_bytes=2, val_fraction=val_fraction, **options)


def _cifar(name: str, archive: RemoteFile, path: str | Path | None, *, label_bytes: int, **options: Any) -> Dataset:
    file = fetch(archive, keras_cache()) if path is None else find(archive, Path(path))
    train, test, class_names = read_cifar(file, label_bytes=label_bytes)
    test_set = RawImages(*test, f"the test set of {name}")
    return prepare(name, RawImages(*train, name), test=test_set, class_names=class_names, **options)
