"""A user's own images, from a folder with one subfolder per class."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import PIL
from rich.console import Console
from rich.progress import track

from ce_harness.config.data_digest import content_digest
from ce_harness.datasets.cache import cached
from ce_harness.datasets.checks import Numbers, check_options
from ce_harness.datasets.class_folders import layout, legible
from ce_harness.datasets.dataset import Dataset
from ce_harness.datasets.images import read_image
from ce_harness.datasets.preparation import RawImages, prepare
from ce_harness.datasets.shared_images import with_shared_images_told

_FEW = 2000  # images that are decoded before other processes have started


def image_directory(
    *,
    path: str | Path,
    size: int | Sequence[int] = 64,
    channels: int = 3,
    background: str = "white",
    cache: str | Path | None = None,
    verify: bool = False,
    **options: Any,
) -> Dataset:
    """Images in any format Pillow reads; the subfolders' names, sorted, are the classes'.

    Folders ``train`` and ``val`` or ``test``, with the class folders in them, are the splits. Every image is turned
    upright as its EXIF data say, resized with an antialiasing bilinear filter without regard to its proportions, and
    divided by 255. Hidden files are skipped; any other file that is not an image is refused, because a class that
    lacks images in silence is worse.

    Args:
        path: the folder; see ``class_folders`` for what may lie in it.
        size: height and width in pixels; one number for a square.
        channels: 3 for colour, 1 for grey; images of the other kind are converted.
        background: ``white`` or ``black``, which lies behind what is transparent.
        cache: folder in which decoded images are kept; they are mapped from there, and not held in memory. None
            decodes them at each call.
        verify: read all files again, to find out whether they or the cache have changed.
        **options: see ``preparation.prepare``.

    Raises:
        ConfigError: a size or number of channels that can't be.
        DataError: a folder that can't be read or has fewer than two classes, or a file that is not an image.
    """
    check_options(size=size, channels=channels, background=background, verify=verify)
    height, width = size if isinstance(size, Sequence) else (size, size)
    root = Path(path)
    splits = layout(root)
    folders = sorted(splits["train"])
    files = [file for classes in splits.values() for images in classes.values() for file in images]
    shape = (len(files), height, width, channels)

    def decode(pixels: Numbers) -> None:
        read = partial(read_image, size=(width, height), channels=channels, background=background)
        for position, image in enumerate(_on_all_cores(read, files, legible(root.name))):
            pixels[position] = image

    def key() -> str:
        content = content_digest(root, cache=Path(cache or ""), verify=verify)
        parts = [content, *shape, background, PIL.__version__]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    pixels, digest = cached(None if cache is None else Path(cache), key, decode, shape, str(root), verify=verify)
    parts, start = {}, 0
    for split, classes in splits.items():
        labels = np.repeat([folders.index(name) for name in classes], [len(images) for images in classes.values()])
        part = slice(start, start + len(labels))
        source = str(root) if len(splits) == 1 else str(root / split)
        parts[split] = RawImages(pixels[part], labels, source, f"{digest} {split}")
        start += len(labels)
    dataset = prepare(
        root.resolve().name,
        parts["train"],
        validation=parts.get("validation"),
        test=parts.get("test"),
        class_names=[legible(name) for name in folders],
        white=255,
        **options,
    )
    return with_shared_images_told(dataset)


def _on_all_cores(read: Callable[[Path], Numbers], files: Sequence[Path], title: str) -> Iterator[Numbers]:
    """The images in the order of the files. Processes, since Pillow decodes one image at a time in each."""
    if len(files) < _FEW:
        yield from map(read, files)
        return
    images = joblib.Parallel(n_jobs=-1, return_as="generator", batch_size=16, idle_worker_timeout=5)(
        joblib.delayed(read)(file) for file in files
    )
    console = Console(stderr=True)
    yield from track(
        images, f"decoding {title}", len(files), console=console, transient=True, disable=not console.is_terminal
    )
