"""What loading TensorFlow through the harness changes in a process."""

import ctypes
import gc
import json
from pathlib import Path

import pytest

from ce_harness.loading import loading

LIBC = ctypes.CDLL(None)
LIBC.malloc.restype = ctypes.c_void_p
LIBC.malloc.argtypes = [ctypes.c_size_t]
LIBC.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
LIBC.free.argtypes = [ctypes.c_void_p]
MEGABYTE = 2**20


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not hasattr(LIBC, "mallopt"), reason="the C library is not glibc")
@pytest.mark.parametrize(("size", "returned"), [(16 * MEGABYTE, 0), (256 * MEGABYTE, 256 * MEGABYTE)])
def test_the_memory_of_a_freed_tensor_stays_and_that_of_a_data_set_does_not(size, returned):
    block = LIBC.malloc(size)
    LIBC.memset(block, 1, size)
    before = resident()
    LIBC.free(block)
    assert before - resident() == pytest.approx(returned, abs=MEGABYTE)


def test_what_is_imported_is_never_searched_for_garbage():
    with loading():
        assert not gc.isenabled()
        made = json.loads("[[]]")
    assert gc.isenabled()
    assert not any(known is made for known in gc.get_objects())
