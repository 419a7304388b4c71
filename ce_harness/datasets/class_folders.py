"""Which image of a folder belongs to which split and class."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from ce_harness.config.data_digest import data_in
from ce_harness.errors import DataError

logger = logging.getLogger(__name__)

Layout: TypeAlias = Mapping[str, Mapping[str, Sequence[Path]]]

_SPLITS = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip


def layout(root: Path) -> Layout:
    """The images of a folder by split and class, in the order of their names.

    If all it holds is ``train`` and ``val`` or ``test``, with class folders in them, these are the splits. Else its
    folders are the classes, and all is training data, to be split.

    Raises:
        DataError: a folder can't be read, or a file lies beside the class folders. Or there are fewer than two
            classes, or one that is not in ``train``. Or splits have no class folders.
    """
    splits = {entry: _SPLITS.get(entry.name.lower()) for entry in _entries(root)}
    if len(splits) < 2 or None in splits.values():
        classes = _classes(root)
        for name in filter(lambda name: name.lower() in _SPLITS, classes):
            logger.warning("%s: its folder %s is taken for a class, since other classes lie beside it", root, name)
        return {"train": classes}
    if not any(entry.is_dir() for split in splits for entry in _entries(split)):
        named = ", ".join(legible(split.name) for split in splits)
        raise DataError(
            f"{root} has the splits {named} without class folders in them; move the images of each class into a folder "
            "of its own there; if these are classes, rename them"
        )
    images = {split: _classes(entry) for entry, split in splits.items() if split is not None}
    if "train" not in images:
        raise DataError(f"{root} has the splits {', '.join(images)}, but no folder train; add it there")
    if len(images) < len(splits):
        raise DataError(f"{root} has two folders for one split; the splits are train, val and test; rename one")
    for split in [split for split in images if split != "train"]:
        for name in images[split].keys() - images["train"].keys():
            raise DataError(
                f"{root} has the class {legible(name)} in its {split} images, but not in train; add it there"
            )
    return {split: images[split] for split in ("train", "validation", "test") if split in images}


def _classes(root: Path) -> dict[str, list[Path]]:
    classes = {}
    for folder in _entries(root):
        if not folder.is_dir():
            raise DataError(f"{folder} lies beside the class folders; move it into one or away")
        images = _entries(folder)
        if not images:
            logger.warning("%s is empty: no class", folder)
            continue
        if all(entry.is_dir() for entry in images):
            raise DataError(
                f"{folder} holds folders, not images; a class is a folder of images, and splits are folders train, val "
                "and test beside one another, with the class folders in them"
            )
        classes[folder.name] = images
    if len(classes) < 2:
        raise DataError(f"{root} has {len(classes)} class folders; at least 2 are needed, one per class")
    named: dict[str, str] = {}
    for name in classes:
        if named.setdefault(legible(name), name) != name:
            raise DataError(f"{root} has two folders {legible(name)}, whose names differ in their bytes; rename one")
    return classes


def legible(name: str) -> str:
    """A file name as text, whatever its bytes: UTF-8, composed as keyboards do, or else Latin-1."""
    try:
        return unicodedata.normalize("NFC", os.fsencode(name).decode())
    except UnicodeDecodeError:
        return os.fsencode(name).decode("latin-1")


def _entries(folder: Path) -> list[Path]:
    try:
        return data_in(folder)
    except OSError as error:
        raise DataError(
            f"{folder} can't be read ({error.strerror}); dataset.path must be a readable folder with one "
            "subfolder of images per class"
        ) from error
