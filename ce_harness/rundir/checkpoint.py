"""Checkpoints from which training continues bit for bit: every variable, in a file that knows its own SHA-256."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ce_harness.rundir.durable import write_durably

KEPT = 2  # the newest and, in case that one is torn, the one before


def _variables(network: keras.Model, optimizer: keras.Optimizer) -> list[keras.Variable]:
    # network.variables holds what .weights.h5 leaves out: the state of dropout's random generators.
    return [*network.variables, *optimizer.variables]


def weights_hash(network: keras.Model) -> str:
    """SHA-256 over every variable of the network, in order."""
    digest = hashlib.sha256()
    for variable in network.variables:
        digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    return digest.hexdigest()


def save(folder: Path, epoch: int, network: keras.Model, optimizer: keras.Optimizer, record: dict[str, Any]) -> None:
    """Writes the state after ``epoch`` (1-based) together with the journal's record of it."""
    arrays = {f"v{i}": v.numpy() for i, v in enumerate(_variables(network, optimizer))}
    content = io.BytesIO()
    np.savez(content, record=np.frombuffer(json.dumps(record).encode(), np.uint8), **arrays)
    payload = content.getvalue()
    write_durably(folder / f"epoch-{epoch:06d}.ckpt", hashlib.sha256(payload).digest() + payload)
    for old in sorted(folder.glob("epoch-*.ckpt"))[:-KEPT]:
        old.unlink()


def restore(folder: Path, network: keras.Model, optimizer: keras.Optimizer) -> dict[str, Any] | None:
    """Loads the newest whole checkpoint; a torn or altered one is passed over.

    Returns:
        The journal's record of the epoch it was written after, or None when there is nothing to continue from.
    """
    variables = _variables(network, optimizer)
    for path in sorted(folder.glob("epoch-*.ckpt"), reverse=True):
        content = path.read_bytes()
        digest, payload = content[:32], content[32:]
        if hashlib.sha256(payload).digest() != digest:
            continue
        with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
            for i, variable in enumerate(variables):
                variable.assign(arrays[f"v{i}"])
            return json.loads(arrays["record"].tobytes())
    return None
