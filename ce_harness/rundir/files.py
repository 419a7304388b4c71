"""Every file call of a run: whole after a crash or a power loss, and a disk's trouble is one line with exit code 7."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ce_harness.errors import DiskError

RESTORE = "restore the file, or delete its folder to train the run again"


@contextmanager
def disk_errors(path: Path, done: str = "written") -> Iterator[None]:
    """Turns a full, read-only or broken disk into one line.

    Args:
        done: what is to be done with the path, ``written``, ``read`` or ``removed``.
    """
    try:
        yield
    except OSError as error:
        raise DiskError(
            f"{path}: can't be {done} ({error.strerror or error}); make room, or set runs_dir=FOLDER; "
            "the same command continues"
        ) from error


def write(path: Path, content: bytes) -> None:
    """Writes a file so that after a crash it is the old one or the new one, never half of either."""
    partial = path.with_name(path.name + ".partial")
    with disk_errors(path):
        with open(partial, "wb") as file:
            file.write(content)
            _flush(file)
        os.replace(partial, path)
        _sync_folder(path.parent)


def write_from(path: Path, start: int, content: bytes) -> None:
    """Puts the content at a position of a file, which ends with it; what stood there is gone."""
    with disk_errors(path):
        is_new = not path.exists()
        with open(path, "ab") as file:
            file.truncate(start)
            file.write(content)
            _flush(file)
        if is_new:
            _sync_folder(path.parent)


def read(path: Path, start: int = 0, length: int = -1) -> bytes | None:
    """The content, or that part of it which there is; None without such a file."""
    with disk_errors(path, "read"):
        try:
            with open(path, "rb") as file:
                file.seek(start)
                return file.read(length)
        except FileNotFoundError:
            return None


def exists(path: Path) -> bool:
    with disk_errors(path, "read"):
        return path.exists()


def make_folder(path: Path) -> None:
    """Makes a folder and those around it."""
    with disk_errors(path):
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            _sync_folder(folder.parent)


def files_below(folder: Path) -> list[Path]:
    """All files in a folder and its subfolders, sorted; none without the folder."""
    with disk_errors(folder, "read"):
        return sorted(path for path in folder.rglob("*") if path.is_file())


def remove(path: Path) -> None:
    """Removes a file, or a folder with all that is in it; nothing happens if it isn't there."""
    with disk_errors(path, "removed"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """A new or renamed file may otherwise lose its name with the power, though its content was synced."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
