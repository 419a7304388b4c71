"""IDX, the file format of MNIST and its successors."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

_UNSIGNED_BYTE = 8


def read_idx(path: Path) -> np.ndarray:
    """Reads a gzipped IDX file of unsigned bytes.

    The format (LeCun, http://yann.lecun.com/exdb/mnist): two zero bytes, a type code, the number of
    dimensions, each dimension as a big-endian 32-bit integer, then the values in C order.

    Returns:
        uint8 array of the shape that the header gives.

    Raises:
        ValueError: the file is of another type, or holds more or fewer values than its header says.
    """
    with gzip.open(path) as file:
        content = file.read()
    zeros, type_code, rank = content[:2], content[2], content[3]
    if zeros != b"\0\0" or type_code != _UNSIGNED_BYTE:
        raise ValueError(f"{path} is not an IDX file of unsigned bytes")
    shape = np.frombuffer(content, dtype=">u4", count=rank, offset=4)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * rank).reshape(shape)
