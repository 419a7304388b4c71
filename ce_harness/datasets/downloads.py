"""Files that are downloaded once, checked against their SHA-256, and kept."""

from __future__ import annotations

import hashlib
import logging
import os
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from filelock import FileLock

from ce_harness.errors import DataError

logger = logging.getLogger(__name__)

_CHUNK_BYTES = 1 << 20
_TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class RemoteFile:
    """A file on the web and the SHA-256, in hex, of what it must hold."""

    url: str
    sha256: str

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[-1]


def find(file: RemoteFile, folder: Path) -> Path:
    """Returns the path of the file in a folder of the user's.

    Raises:
        DataError: it is not there, can't be read, or holds something else.
    """
    return _verified(folder / file.name, file)


def fetch(file: RemoteFile, folder: Path, *, also_in: Sequence[Path] = (), hint: str = "") -> Path:
    """Returns the path of the file, downloading it into ``folder`` when it is nowhere yet.

    The download goes to a temporary file that takes the final name only when complete and correct. A lock lets other
    processes wait for it instead of downloading too.

    Args:
        file: what to fetch.
        folder: where downloads are kept.
        also_in: folders looked in first.
        hint: another way to get the file, as an ending of the message.

    Raises:
        DataError: no connection, a folder that can't be written, or a sum that differs.
    """
    path = folder / file.name
    try:
        for place in (*also_in, folder):
            if (place / file.name).is_file():
                return _verified(place / file.name, file)
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if not path.is_file():
                _download(file, path)
    except OSError as error:
        raise DataError(
            f"{path} does not exist and {file.url} can't be downloaded ({error}); "
            f"put the file there (SHA-256 {file.sha256}){hint}"
        ) from error
    return path


def _download(file: RemoteFile, path: Path) -> None:
    logger.warning("downloading %s to %s", file.url, path)
    digest = hashlib.sha256()
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as partial:
        try:
            with urllib.request.urlopen(file.url, timeout=_TIMEOUT_SECONDS) as response:
                while chunk := response.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    partial.write(chunk)
            if digest.hexdigest() != file.sha256:
                raise DataError(
                    f"the download of {file.url} is torn or another file: its SHA-256 is "
                    f"{digest.hexdigest()}, it must be {file.sha256}; try again, or put the file at {path}"
                )
            partial.flush()
            os.fsync(partial.fileno())
            os.replace(partial.name, path)
        except BaseException:
            Path(partial.name).unlink(missing_ok=True)
            raise


def _verified(path: Path, file: RemoteFile) -> Path:
    try:
        with path.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"{path} can't be read ({error.strerror}); put {file.name} there (SHA-256 {file.sha256})"
        ) from error
    if sha256 != file.sha256:
        raise DataError(
            f"{path} is damaged or another file: its SHA-256 is {sha256}, it must be {file.sha256}; delete it "
            f"and get it again from {file.url}"
        )
    return path
