"""The rows of an epoch's steps: what is read is what was written, or the file is named as damaged."""

import numpy as np
import pytest

from ce_harness.errors import DiskError
from ce_harness.rundir import step_norms
from ce_harness.rundir.directory import RunDirectory


@pytest.fixture
def run(tmp_path):
    run = RunDirectory(tmp_path)
    run.steps(1).parent.mkdir()
    return run


def test_no_altered_byte_of_the_numbers_passes(run):
    """Each byte in turn: the file is refused, or holds the same numbers."""
    rows = np.array([[2.3, 1.5], [np.nan, 1.1]], np.float32)
    step_norms.save(run, 1, rows)
    content = run.steps(1).read_bytes()
    refused = 0
    for i in range(len(content)):
        run.steps(1).write_bytes(content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :])
        try:
            read = step_norms.load(run, 1)
        except DiskError:
            refused += 1
        else:
            assert read.tobytes() == rows.tobytes(), i
    assert refused > rows.nbytes


def test_a_torn_or_missing_file_is_named(run):
    step_norms.save(run, 1, np.zeros((2, 2), np.float32))
    run.steps(1).write_bytes(run.steps(1).read_bytes()[:-30])
    with pytest.raises(DiskError, match=r"epoch-000001\.npz is damaged \(.*restore the file, or delete its folder"):
        step_norms.load(run, 1)
    with pytest.raises(DiskError, match=r"epoch-000002\.npz is damaged"):
        step_norms.load(run, 2)
