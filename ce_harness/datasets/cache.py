"""Decoded images, kept in a folder and mapped from there. It may be deleted at any time.

``python -m ce_harness.datasets.cache FOLDER`` lists what is kept; ``--unused-for DAYS`` removes what nobody needed.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from filelock import FileLock

from ce_harness.config.data_digest import content_digest
from ce_harness.datasets.checks import Numbers, check_images
from ce_harness.datasets.dataset import arrays_digest
from ce_harness.errors import DataError, DiskError

logger = logging.getLogger(__name__)

_PIXELS, _ENTRY = "pixels.npy", "entry.json"


def cached(
    folder: Path | None,
    key: Callable[[], str],
    decode: Callable[[Numbers], None],
    shape: tuple[int, ...],
    source: str,
    *,
    verify: bool = False,
) -> tuple[Numbers, str]:
    """Pixels that take work to decode: decoded once, checked, and mapped from a file ever after.

    One process decodes while others that need the same wait. What is in the folder is complete: it is written beside
    it and renamed.

    Args:
        folder: of the cache; None decodes into memory.
        key: what names content and options, asked for only if there is a folder, and once more after decoding.
        decode: fills the array that it is given, uint8 of ``shape``.
        source: what to call the images in messages.
        verify: read the kept pixels, to see whether they are those that were written.

    Returns:
        uint8 of ``shape``, checked, and the digest of the images.

    Raises:
        DataError: the images can't be decoded or trained on, or changed meanwhile.
        DiskError: the folder can't be written.
    """
    if folder is None:
        pixels = np.empty(shape, np.uint8)
        return pixels, _decoded(pixels, decode, source)
    named = key()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{named}.lock"):
            kept = _opened(folder, folder / named, verify)
            if kept is None:
                _write(folder, folder / named, decode, shape, source)
                if key() != named:
                    shutil.rmtree(folder / named)
                    raise DataError(f"{source} changed while it was read; start again when it no longer does")
                kept = _opened(folder, folder / named, verify=False)
    except OSError as error:
        raise DiskError(
            f"{error.filename or folder} can't be written ({error.strerror}); name another folder by CE_CACHE, or free "
            "some space"
        ) from error
    if kept is None:
        raise DiskError(f"{folder / named} is not what was written a moment ago; check the disk")
    return kept


def _opened(folder: Path, place: Path, verify: bool) -> tuple[Numbers, str] | None:
    if not (place / _ENTRY).is_file():
        return None
    try:
        entry = json.loads((place / _ENTRY).read_text())
        if content_digest(place / _PIXELS, cache=folder, verify=verify) == entry["file"]:
            os.utime(place / _ENTRY)  # when it was last needed
            return np.load(place / _PIXELS, mmap_mode="r"), entry["images"]
    except (ValueError, KeyError, DataError):
        pass
    logger.warning("%s is damaged: decoding again", place)
    shutil.rmtree(place)
    return None


def _write(folder: Path, place: Path, decode: Callable[[Numbers], None], shape: tuple[int, ...], source: str) -> None:
    beside = Path(tempfile.mkdtemp(prefix=".being-written-", dir=folder))
    try:
        file = beside / _PIXELS
        pixels = np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape)
        with file.open("rb+") as content:  # a full disk says so here, and kills who writes to mapped memory
            os.posix_fallocate(content.fileno(), 0, file.stat().st_size)
        entry = {"source": source, "images": _decoded(pixels, decode, source)}
        pixels.flush()
        entry["file"] = content_digest(file)
        (beside / _ENTRY).write_text(json.dumps(entry))
        for written in (file, beside / _ENTRY, beside):
            _to_disk(written)
        beside.rename(place)
        _to_disk(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    logger.warning("%s: %d images are kept decoded in %s (%d MB)", source, shape[0], place, pixels.nbytes // 1_000_000)


def _decoded(pixels: Numbers, decode: Callable[[Numbers], None], source: str) -> str:
    decode(pixels)
    check_images(pixels, f"the images of {source}")
    return arrays_digest({"images": pixels})


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ce_harness.datasets.cache", description="Images kept decoded.")
    parser.add_argument("folder", type=Path, help="the cache: runs/cache, or CE_CACHE")
    parser.add_argument("--unused-for", type=float, metavar="DAYS", help="remove what was not needed for so long")
    arguments = parser.parse_args()
    for entry in sorted(arguments.folder.glob(f"*/{_ENTRY}")):
        days = (time.time() - entry.stat().st_mtime) / 86_400
        size = (entry.parent / _PIXELS).stat().st_size // 1_000_000
        kept = arguments.unused_for is None or days < arguments.unused_for
        print(
            f"{'' if kept else 'removed '}{json.loads(entry.read_text())['source']}: {size} MB, {days:.1f} days unused"
        )
        if not kept:
            with FileLock(f"{entry.parent}.lock"):
                shutil.rmtree(entry.parent)


if __name__ == "__main__":
    main()
