"""The rows of the steps: what is read is what was written, or the epoch is named."""

import numpy as np
import pytest

from ce_harness.errors import DiskError
from ce_harness.rundir.directory import RunDirectory
from ce_harness.rundir.step_norms import StepNorms, checksum

COLUMNS = ("loss", "grad_norm/global")
EPOCHS = [np.array([[2.3, 1.5], [np.nan, 1.1]], np.float32), np.array([[2.1, 1.0], [2.0, 0.9]], np.float32)]
RECORDS = [{"epoch": n, "step": 2 * n, "steps_crc32": checksum(rows)} for n, rows in enumerate(EPOCHS, 1)]


@pytest.fixture
def run(tmp_path):
    run = RunDirectory(tmp_path)
    run.artifacts.mkdir()
    StepNorms(run, COLUMNS).append(1, np.concatenate(EPOCHS))
    return run


def ended(run):
    StepNorms(run, COLUMNS).pack(RECORDS)
    run.remove_leftovers()
    return run


def test_the_rows_of_each_epoch_are_read_from_the_growing_file_and_from_the_artifact(run):
    for _ in range(2):
        for record, rows in zip(RECORDS, EPOCHS, strict=True):
            np.testing.assert_array_equal(StepNorms(run, COLUMNS).of(record), rows)
        ended(run)
    with np.load(run.packed_steps, allow_pickle=False) as packed:
        assert packed["columns"].tolist() == list(COLUMNS)
        assert packed["values"].shape == (4, 2)


@pytest.mark.parametrize("is_ended", [False, True])
def test_no_altered_byte_of_the_numbers_passes(run, is_ended):
    """Each byte in turn: an epoch is refused, or holds the same numbers."""
    path = ended(run).packed_steps if is_ended else run.steps
    content, refused = path.read_bytes(), 0
    for i in range(len(content)):
        path.write_bytes(content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :])
        norms = StepNorms(run, COLUMNS)
        for record, rows in zip(RECORDS, EPOCHS, strict=True):
            try:
                assert norms.of(record).tobytes() == rows.tobytes(), i
            except DiskError:
                refused += 1
    assert refused >= sum(rows.nbytes for rows in EPOCHS)


def test_what_is_lost_is_trained_again_from_there(run):
    run.steps.write_bytes(run.steps.read_bytes()[:-3])
    norms = StepNorms(run, COLUMNS)
    with pytest.raises(DiskError, match=r"steps\.float32: the steps of epoch 2 are not what was written; restore"):
        norms.of(RECORDS[1])
    assert norms.whole_epochs(RECORDS) == 1
    norms.append(3, EPOCHS[1])
    assert norms.whole_epochs(RECORDS) == 2
    assert run.steps.stat().st_size == 4 * 2 * 4


def test_a_missing_artifact_is_named(run):
    ended(run).packed_steps.unlink()
    with pytest.raises(DiskError, match=r"steps\.npz: is gone; restore the file, or delete its folder"):
        StepNorms(run, COLUMNS).of(RECORDS[0])
