"""Arrays given to ``compare``: checked at once, then kept in a file for the runs, which are processes of their own."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ce_harness.comparison.words import word
from ce_harness.datasets.checks import check_classes, check_images, check_labels, numbered_classes
from ce_harness.datasets.pixel_range import white_of
from ce_harness.errors import ConfigError
from ce_harness.rundir import files

Arrays = Mapping[str, np.ndarray[Any, Any]]


def check(arrays: Arrays, keys: Mapping[str, object], overrides: Sequence[str] = ()) -> None:
    """Says by the names of the arguments what each run would say of the file.

    Args:
        arrays: ``x`` and ``y``; where they are, ``x_test`` and ``y_test``, and ``class_names``.
        keys: of the config. ``dataset.white`` and ``dataset.standardize`` say what range the pixels may have.
        overrides: words as typed. Where they speak of the data set, the range is left to the runs.

    Raises:
        ConfigError: labels are missing.
        DataError: as from `checks` and `pixel_range`.
    """
    images, labels = [], []
    for x, y in (("x", "y"), ("x_test", "y_test")):
        if x in arrays and y not in arrays:
            raise ConfigError(f"{y} is missing: give the class ids of {x}, integers from 0")
        if x in arrays:
            images.append((check_images(arrays[x], x), x))
            labels.append(check_labels(arrays[y], y, num_images=len(arrays[x])))
    names = arrays["class_names"].tolist() if "class_names" in arrays else numbered_classes(labels[0], "y")
    for ids, y in zip(labels, ("y", "y_test"), strict=False):
        check_classes(ids, names, y)
    white, standardize = keys.get("dataset.white"), keys.get("dataset.standardize", False)
    if not any("dataset." in one for one in overrides) and isinstance(white, int | float | None):
        white_of(images, white, standardize=bool(standardize))


def words_for(arrays: Arrays, name: object, folder: Path) -> list[str]:
    """The words for a data set of this name, in a file of the folder that is named after what is in it."""
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    path = folder / f"{hashlib.sha256(content.getvalue()).hexdigest()[:16]}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        files.write(path, content.getvalue())
    return ["dataset=npz", f"dataset.name={word(name)}", f"dataset.path={word(path)}"]
