"""A user's own arrays, from an ``.npz`` file."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile

from ce_harness.datasets.array_names import by_role
from ce_harness.datasets.checks import Numbers
from ce_harness.datasets.dataset import Dataset
from ce_harness.datasets.preparation import RawImages, prepare
from ce_harness.datasets.shared_images import with_shared_images_told
from ce_harness.errors import DataError

# Images shrink to a tenth at best; a file of which an array shrank to less is made to fill the memory.
_LARGEST_EXPANSION = 200
_HARMLESS_BYTES = 100_000_000

_SPLITS = {"train": "", "validation": "the validation set of ", "test": "the test set of "}


def npz(*, path: str | Path, **options: Any) -> Dataset:
    """Images and labels from a file that ``numpy.savez`` wrote.

    Args:
        path: file with ``x``, images of shape (N, H, W) or (N, H, W, C), and ``y``. That is class ids from 0 of shape
            (N,) or (N, 1), or one-hot rows. A validation or test set of its own is taken from ``x_val`` and ``y_val``,
            ``x_test`` and ``y_test``. Other names are understood, too: see ``array_names``. ``class_names`` is
            optional.
        **options: see ``preparation.prepare``.

    Raises:
        DataError: the file is missing, damaged or holds something else; Python objects are never loaded.
    """
    path = Path(path)
    arrays = _read(path)
    splits = {
        split: RawImages(arrays[images], arrays[labels], f"{_SPLITS[split]}{path}")
        for split, (images, labels) in by_role(arrays, str(path)).items()
    }
    dataset = prepare(
        path.stem,
        splits["train"],
        validation=splits.get("validation"),
        test=splits.get("test"),
        class_names=_class_names(arrays, path),
        **options,
    )
    return with_shared_images_told(dataset)


def _class_names(arrays: dict[str, Numbers], path: Path) -> list[str] | None:
    names = arrays.get("class_names")
    if names is None:
        return None
    if names.ndim != 1 or names.dtype.kind != "U" or len(set(names.tolist())) < len(names):
        raise DataError(f"class_names of {path} must be one text per class, no two alike, not {names.dtype}; mend it")
    return list(map(str, names))


def _read(path: Path) -> dict[str, Numbers]:
    try:
        if path.exists() and not path.is_file():
            raise DataError(f"{path} is not a file; dataset.path must be an .npz file")
        with path.open("rb") as file:
            content = np.load(file, allow_pickle=False)
            if not isinstance(content, NpzFile):
                raise DataError(f"{path} holds a single array; write it with numpy.savez(path, x=images, y=labels)")
            _refuse_bombs(content.zip, path)
            return dict(content)
    except OSError as error:
        raise DataError(
            f"{path} can't be read ({error.strerror or error}); dataset.path must be an .npz file"
        ) from error
    except MemoryError as error:
        raise DataError(f"{path} does not fit into memory ({error}); take fewer or smaller images") from error
    except (zipfile.BadZipFile, EOFError, RuntimeError, zlib.error) as error:  # RuntimeError: a damaged directory
        raise DataError(f"{path} is damaged ({error}); write or copy it again") from error
    except ValueError as error:
        raise DataError(
            f"{path} is not an .npz file of plain arrays ({error}); Python objects are refused because "
            "loading them runs code: convert them to numbers and write it with numpy.savez"
        ) from error


def _refuse_bombs(archive: zipfile.ZipFile | None, path: Path) -> None:
    for member in archive.infolist() if archive else ():
        if member.file_size > max(_HARMLESS_BYTES, _LARGEST_EXPANSION * member.compress_size):
            raise DataError(
                f"{path}: its array {member.filename.removesuffix('.npy')} would unpack {member.compress_size:,} bytes "
                f"to {member.file_size:,}, which no images do; write the file with numpy.savez"
            )
