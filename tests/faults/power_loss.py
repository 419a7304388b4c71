"""A model of a file system that has lost its power: which names and which bytes are still there.

The manual page of fsync(2) promises what was synced, and nothing of what was not. Data survives if its file was synced.
Of names there are four models:

- ``ordered``: as of the last sync of anything, as ext4 does;
- ``all``: every name, the other end of what ext4 may do;
- ``posix``: only names whose folder was synced;
- ``one lost``: every name but one that was not synced.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

MODELS = ("ordered", "all", "posix", "one lost")
UNSYNCED_NAMES = 12  # of these, the newest, one at a time is lost


class Call(NamedTuple):
    """One file call as ``shim.c`` writes it down."""

    name: str
    path: str
    to: str
    offset: int
    data: bytes


def read_trace(path: Path) -> list[Call]:
    """The calls of a trace."""
    calls, content, at = [], path.read_bytes(), 0
    while at < len(content):
        end = content.index(b"\n", at)
        name, old, new, offset, length = content[at:end].decode().split("\t")
        at = end + 1 + int(length)
        calls.append(Call(name, old, new, int(offset), content[end + 1 : at]))
    return calls


@dataclass
class File:
    """What is in it, and what would be left of that."""

    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""


Names = dict[str, File | None]  # None is a folder
State = dict[str, bytes | None]


class FileSystem:
    """Follows the calls on the files below a folder.

    Args:
        folder: it is there, and so are its files.
    """

    def __init__(self, folder: Path):
        self._root = str(folder)
        self._names: Names = {self._root: None}
        for path in folder.iterdir():
            self._names[str(path)] = File(bytearray(path.read_bytes()), path.read_bytes())
        self._at_last_sync = dict(self._names)
        self._in_synced_folders = dict(self._names)
        self._unsynced: list[Call] = []  # that changed a name

    def apply(self, call: Call) -> None:
        """Does what the call did."""
        if call.path.endswith(" (deleted)"):
            return
        if call.name in ("create", "mkdir", "unlink", "rmdir", "rename"):
            self._rename(call)
        elif call.name == "fsync":
            self._sync(call.path)
        else:
            data = self._file(call.path).data
            if call.name == "truncate":
                data.clear()
            elif call.name == "ftruncate":
                del data[call.offset :]
                data.extend(bytes(call.offset - len(data)))
            elif call.name == "write":
                data.extend(bytes(max(0, call.offset - len(data))))
                data[call.offset : call.offset + len(call.data)] = call.data

    def left(self, model: str) -> Iterator[State]:
        """What may be there after a power loss at this moment."""
        if model == "ordered":
            yield self._state(self._at_last_sync)
        elif model == "all":
            yield self._state(self._names)
        elif model == "posix":
            yield self._state(self._in_synced_folders)
        else:
            yield from map(self._state, self._one_lost())

    def _file(self, path: str) -> File:
        file = self._names[path]
        assert file is not None
        return file

    def _rename(self, call: Call) -> None:
        if call.name == "create":
            self._names[call.path] = File()
        elif call.name == "mkdir":
            self._names[call.path] = None
        elif call.name == "rename":
            self._names[call.to] = self._names.pop(call.path)
        else:
            del self._names[call.path]
        self._unsynced.append(call)

    def _sync(self, path: str) -> None:
        file = self._names.get(path)
        if file is not None:
            file.synced = bytes(file.data)
        elif path in self._names:
            self._unsynced = [c for c in self._unsynced if os.path.dirname(c.to or c.path) != path]
            elsewhere = {name: f for name, f in self._in_synced_folders.items() if os.path.dirname(name) != path}
            here = {name: f for name, f in self._names.items() if os.path.dirname(name) == path}
            self._in_synced_folders = elsewhere | here
        self._at_last_sync = dict(self._names)

    def _one_lost(self) -> Iterator[Names]:
        for call in self._unsynced[-UNSYNCED_NAMES:]:
            names = dict(self._names)
            if call.name == "rename" and call.to in names:
                names[call.path] = names.pop(call.to)
            elif call.name in ("create", "mkdir") and call.path in names:
                del names[call.path]
            else:
                continue
            yield names

    def _state(self, names: Names) -> State:
        """The names whose folders are all there, with what is left in them."""
        return {
            name: None if file is None else file.synced
            for name, file in names.items()
            if all(str(above) in names for above in Path(name).parents if str(above).startswith(self._root))
        }


def write(state: State) -> None:
    """Puts a state on the disk."""
    for path in sorted(state):
        content = state[path]
        if content is None:
            os.makedirs(path, exist_ok=True)
        else:
            Path(path).write_bytes(content)
