"""Data sets as arrays: loaded, checked, split and scaled. Importing this does not import TensorFlow."""

from ce_harness.datasets.arrays import npz
from ce_harness.datasets.dataset import Dataset, Split
from ce_harness.datasets.digit_strings import digit_strings
from ce_harness.datasets.folders import image_directory
from ce_harness.datasets.published import cifar10, cifar100, digits, fashion_mnist, mnist

__all__ = [
    "Dataset",
    "Split",
    "cifar10",
    "cifar100",
    "digit_strings",
    "digits",
    "fashion_mnist",
    "image_directory",
    "mnist",
    "npz",
]
