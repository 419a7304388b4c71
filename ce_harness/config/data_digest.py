"""The content of a user's data files, so that a run is known by what they hold, not by where they lie."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from ce_harness.errors import DataError

LEFT_BEHIND = ("__MACOSX", "Thumbs.db", "desktop.ini")  # by macOS in archives, by Windows in folders


def content_digest(path: Path) -> str:
    """SHA-256, in hex, of a file, or of the names and bytes of all files of a folder that are `visible`.

    Read once per process, and again when the size or the time of a file has changed.

    Raises:
        DataError: the path can't be read.
    """
    try:
        files = [path] if path.is_file() else sorted(_files(path))
        signature = tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in files)
        return _digest(path, signature)
    except OSError as error:
        raise DataError(
            f"dataset.path: {error.filename} can't be read ({error.strerror}); give the path of your data"
        ) from error


def visible(folder: Path) -> list[Path]:
    """What a folder holds, in order, without hidden files and those that other systems leave behind."""
    return sorted(
        entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.name not in LEFT_BEHIND
    )


def _files(folder: Path) -> list[Path]:
    files = []
    for entry in visible(folder):
        files += _files(entry) if entry.is_dir() else [entry]
    return files


@lru_cache(maxsize=8)
def _digest(path: Path, signature: tuple[tuple[Path, int, int], ...]) -> str:
    digest = hashlib.sha256()
    for file, size, _ in signature:
        digest.update(f"{file.relative_to(path)}\0{size}\0".encode())
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()
