"""A user's own arrays, from an ``.npz`` file."""

from __future__ import annotations

import zlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.lib.npyio import NpzFile

from ce_harness.datasets.dataset import Dataset
from ce_harness.datasets.preparation import RawImages, prepare
from ce_harness.errors import DataError


def npz(*, path: str | Path, val_fraction: float = 0.15, test_fraction: float = 0.15, **options) -> Dataset:
    """Images and labels from a file that ``numpy.savez`` wrote.

    Args:
        path: file with ``x``, uint8 (divided by 255) or floating point (taken as it is), of shape (N, H, W)
            or (N, H, W, C), and ``y``, integer class ids from 0, of shape (N,); and, if there is a test set
            of its own, ``x_test`` and ``y_test``.
        val_fraction: share of ``x`` that becomes the validation split.
        test_fraction: share of ``x`` that becomes the test split, when there is no ``x_test``.
        **options: ``split_seed``, ``limit``, ``standardize``, ``augmentation``: see ``preparation.prepare``.

    Raises:
        DataError: the file is missing, damaged or holds something else; Python objects are never loaded.
    """
    path = Path(path)
    arrays = _read(path)
    if not {"x", "y"} <= arrays.keys():
        raise DataError(
            f"{path} holds {', '.join(sorted(arrays)) or 'no array'}; it must hold x and y; write it with "
            "numpy.savez(path, x=images, y=labels)"
        )
    if ("x_test" in arrays) != ("y_test" in arrays):
        raise DataError(f"{path} holds only one of x_test and y_test; add the other or leave both out")
    official_test = None
    if "x_test" in arrays:
        official_test = RawImages(arrays["x_test"], arrays["y_test"], f"the test set of {path}")
    return prepare(
        path.stem,
        RawImages(arrays["x"], arrays["y"], str(path)),
        official_test,
        None,
        val_fraction=val_fraction,
        test_fraction=test_fraction if official_test is None else None,
        **options,
    )


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file:
            content = np.load(file, allow_pickle=False)
            if not isinstance(content, NpzFile):
                raise DataError(f"{path} holds a single array; write it with numpy.savez(path, x=images, y=labels)")
            return dict(content)
    except OSError as error:
        raise DataError(
            f"{path} can't be read ({error.strerror or error}); dataset.path must be an .npz file"
        ) from error
    except (BadZipFile, EOFError, RuntimeError, zlib.error) as error:  # RuntimeError: a damaged directory of the zip
        raise DataError(f"{path} is damaged ({error}); write or copy it again") from error
    except ValueError as error:
        raise DataError(
            f"{path} is not an .npz file of plain arrays ({error}); Python objects are refused because "
            "loading them runs code: convert them to numbers and write it with numpy.savez"
        ) from error
