"""Which array of an ``.npz`` file is what, under the names that people give them."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from ce_harness.errors import DataError

logger = logging.getLogger(__name__)

_IMAGES = ("x", "images", "image", "data")
_LABELS = ("y", "labels", "label", "targets", "target")
_SPLITS = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip


def by_role(names: Iterable[str], source: str) -> dict[str, tuple[str, str]]:
    """Sorts the arrays of a file into splits.

    Understood are ``x`` and ``y``, Keras's ``x_train``, ``y_train``, ``x_test``, ``y_test``, and MedMNIST's
    ``train_images``, ``train_labels``, ``val_images`` and so on. So is any word for images or labels with one for a
    split before or behind it. Arrays of other names are left alone; where they sound like images or labels, that is
    said.

    Returns:
        The names of images and labels by split: ``train``, and ``validation`` and ``test`` where they are.

    Raises:
        DataError: no training images or labels, half of a split, or two arrays for one role.
    """
    names = list(names)
    roles: dict[tuple[str, str], str] = {}
    for name in names:
        role = _role(name)
        if role is None:
            if set(name.lower().split("_")) & {*_IMAGES, *_LABELS}:
                logger.warning("%s: its array %s is left alone; the splits are train, val and test", source, name)
            continue
        if role in roles:
            raise DataError(f"{source} holds both {roles[role]} and {name}; leave one of them out")
        roles[role] = name
    if not {("train", "images"), ("train", "labels")} <= roles.keys():
        raise DataError(
            f"{source} holds {', '.join(sorted(names)) or 'no array'}; it must hold x and y; write it with "
            "numpy.savez(path, x=images, y=labels)"
        )
    splits = {}
    for split in dict.fromkeys(_SPLITS.values()):
        present = [roles[split, kind] for kind in ("images", "labels") if (split, kind) in roles]
        if len(present) == 1:
            raise DataError(
                f"{source} holds {present[0]}, but not both images and labels of that split; add the other or leave "
                "it out"
            )
        if present:
            splits[split] = (present[0], present[1])
    return splits


def _role(name: str) -> tuple[str, str] | None:
    words = name.lower().split("_")
    splits = [_SPLITS[word] for word in words if word in _SPLITS] or ["train"]
    kinds = [kind for kind, known in (("images", _IMAGES), ("labels", _LABELS)) if any(w in known for w in words)]
    known = len([word for word in words if word in (*_SPLITS, *_IMAGES, *_LABELS)])
    return (splits[0], kinds[0]) if len(kinds) == 1 and known == len(words) <= 2 else None
