"""Names as an MLflow store takes them: what it would refuse becomes what MLflow's users write, ``top@5`` ``top_5``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

LONGEST = 250  # characters of a key


def storable(names: Iterable[str]) -> dict[str, str]:
    """Name -> the key under which the store gets it; of names that would get the same key, the later are numbered.

    Allowed are letters, digits, ``_ - . : /`` and spaces, at most 250 of them, read as the path of a file.
    """
    keys: dict[str, str] = {}
    for name in dict.fromkeys(names):
        wanted = key = _key(name)
        number = 2
        while key in keys.values():
            key, number = f"{wanted}_{number}", number + 1
        keys[name] = key
    return keys


def _key(name: str) -> str:
    parts = re.sub(r"[^\w\-.:/ ]", "_", name).split("/")
    key = "/".join(part.replace(".", "_") if set(part) <= {"."} and part else part for part in parts if part) or "_"
    if len(key) <= LONGEST:
        return key
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{key[: LONGEST - 20]}_{digest}"
