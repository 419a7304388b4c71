"""The content of a user's data files, so that a run is known by what they hold, not by where they lie."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
import time
from functools import lru_cache
from pathlib import Path

from ce_harness.errors import DataError

# What systems leave in folders; names that begin with a dot are no data either.
_LEFT_BY_SYSTEMS = {"__macosx", "thumbs.db", "desktop.ini"}
# A file changed within this time of being read may have the same times before and after: as in Git's index.
_IN_DOUBT_NS = 2_000_000_000

_Listing = tuple[tuple[str, int, int, int], ...]


def content_digest(path: Path, *, cache: Path | None = None, verify: bool = False) -> str:
    """SHA-256, in hex, of a file, or of the names and bytes of all files of a folder; hidden ones do not count.

    Read once per process. With a cache it is read once at all, as long as no size, time or inode changes.

    Args:
        cache: folder in which the digest is remembered.
        verify: read the files in any case.

    Raises:
        DataError: the path can't be read, leads back to itself, or holds a pipe or device.
    """
    try:
        before = time.time_ns()
        listing = _listing(path)
        record = None if cache is None else cache / "digests" / f"{_sha256(os.fsencode(path.resolve()))}.json"
        known = _sha256(repr(listing).encode("utf-8", "surrogateescape"))
        if record is not None and not verify and (remembered := _remembered(record, known)):
            return remembered
        if verify:
            _digest.cache_clear()
        digest = _digest(path, listing)
        newest = max((modified for _, _, modified, _ in listing), default=0)
        if record is not None and newest < before - _IN_DOUBT_NS:
            _remember(record, {"listing": known, "content": digest})
        return digest
    except OSError as error:
        raise DataError(
            f"dataset.path: {error.filename} can't be read ({error.strerror}); give the path of your data"
        ) from error


def data_in(folder: Path) -> list[Path]:
    """The entries of a folder, sorted, without hidden ones and what systems leave there.

    Raises:
        OSError: the folder can't be read.
    """
    return [folder / name for name in sorted(filter(_is_data, os.listdir(folder)))]


def _is_data(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _LEFT_BY_SYSTEMS


def _listing(path: Path, above: frozenset[tuple[int, int]] = frozenset()) -> _Listing:
    """All files with size, time of modification and inode; plain text, since paths take four times as long."""
    status = path.stat()
    if stat.S_ISREG(status.st_mode):
        return (_listed(str(path), status),)
    if not stat.S_ISDIR(status.st_mode):
        raise DataError(f"{path} is a pipe, a socket or a device, not a file; remove it")
    here = (status.st_dev, status.st_ino)
    if here in above:
        raise DataError(f"{path} leads back to a folder it lies in; remove the link")
    with os.scandir(path) as entries:
        data = sorted((entry for entry in entries if _is_data(entry.name)), key=lambda entry: entry.name)
    files: list[tuple[str, int, int, int]] = []
    for entry in data:
        status = entry.stat()
        if stat.S_ISREG(status.st_mode):
            files.append(_listed(entry.path, status))
        else:
            files += _listing(Path(entry.path), above | {here})
    return tuple(files)


def _listed(file: str, status: os.stat_result) -> tuple[str, int, int, int]:
    return file, status.st_size, status.st_mtime_ns, status.st_ino


@lru_cache(maxsize=8)
def _digest(path: Path, listing: _Listing) -> str:
    digest = hashlib.sha256()
    for file, size, _, _ in listing:
        digest.update(os.fsencode(os.path.relpath(file, path)) + f"\0{size}\0".encode())
        with open(file, "rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _remembered(record: Path, listing: str) -> str | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(record.read_text())
        if kept["listing"] == listing:
            return str(kept["content"])
    return None


def _remember(record: Path, kept: dict[str, str]) -> None:
    # What can't be remembered is read again the next time.
    with contextlib.suppress(OSError):
        record.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=record.parent, delete=False) as file:
            json.dump(kept, file)
        os.replace(file.name, record)
