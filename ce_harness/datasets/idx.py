"""IDX, the file format of MNIST and its successors."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from ce_harness.datasets.checks import Numbers

_UNSIGNED_BYTE = 8
_MOST_VALUES = 10**9  # twenty times the largest file that is read here


def read_idx(path: Path) -> Numbers:
    """Reads a gzipped IDX file of unsigned bytes.

    The format (LeCun, http://yann.lecun.com/exdb/mnist): two zero bytes, a type code and the number of dimensions. Each
    dimension follows as a big-endian 32-bit integer, then the values in C order.

    Returns:
        uint8 array of the shape that the header gives.

    Raises:
        ValueError: the file is damaged, of another type, or holds more or fewer values than its header says.
    """
    try:
        with gzip.open(path) as file:
            zeros, type_code, rank = file.read(2), *file.read(2)
            if zeros != b"\0\0" or type_code != _UNSIGNED_BYTE:
                raise ValueError(f"{path} is not an IDX file of unsigned bytes")
            shape = tuple(np.frombuffer(file.read(4 * rank), dtype=">u4").tolist())
            # One byte more than there should be, however large the file unpacks.
            values = file.read(min(math.prod(shape), _MOST_VALUES) + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is no whole gzip file ({error})") from error
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)
