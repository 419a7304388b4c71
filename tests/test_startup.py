"""What loading TensorFlow through the harness changes in a process."""

import ctypes
import gc
import json
import subprocess
import sys

import pytest

from ce_harness.startup import loading

MEGABYTE = 2**20

# A process of its own: where other tests have filled the heap, the C library may have to look elsewhere for memory.
RETURNED = """
import ctypes, sys
from ce_harness.startup import import_tensorflow

import_tensorflow()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096

for size in map(int, sys.argv[1:]):
    block = libc.malloc(size)
    libc.memset(block, 1, size)
    before = resident()
    libc.free(block)
    print(before - resident())
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library is not glibc")
def test_the_memory_of_a_freed_tensor_stays_and_that_of_a_data_set_does_not():
    tensor, arrays = 16 * MEGABYTE, 256 * MEGABYTE
    command = [sys.executable, "-c", RETURNED, str(tensor), str(arrays)]
    returned = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert list(map(int, returned)) == pytest.approx([0, arrays], abs=MEGABYTE)


def test_what_is_imported_is_never_searched_for_garbage():
    with loading():
        assert not gc.isenabled()
        made = json.loads("[[]]")
    assert gc.isenabled()
    assert not any(known is made for known in gc.get_objects())
