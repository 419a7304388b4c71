"""A user's own data are part of what a run is: other content is another run, another place is not."""

import dataclasses
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from ce_harness import datasets
from ce_harness.config import checked, config_hash
from ce_harness.errors import DataError
from ce_harness.rundir.directory import RunDirectory
from ce_harness.training import parts, train_and_evaluate

NPZ = ("dataset=npz", "model=softmax_regression", "batch_size=8", "epochs=1", "threads=1")


def save(path, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, size=(40, 6, 6), dtype=np.uint8)
    np.savez(path, x=images, y=np.arange(40) % 2)
    return path


def test_arrays_that_change_are_another_run_and_arrays_that_move_are_not(composed, tmp_path):
    path = save(tmp_path / "mine.npz")
    before = config_hash(composed(f"dataset.path={path}", base=NPZ))
    moved = shutil.move(path, tmp_path / "moved.npz")
    assert config_hash(composed(f"dataset.path={moved}", base=NPZ)) == before
    save(path, seed=1)
    assert config_hash(composed(f"dataset.path={path}", base=NPZ)) != before


def test_every_visible_file_of_a_folder_counts(composed, tmp_path):
    pets = tmp_path / "pets"
    for name in ("cats", "dogs"):
        (pets / name).mkdir(parents=True)
        Image.new("L", (4, 4), len(name)).save(pets / name / "0.png")
    config = composed("dataset=image_directory", f"dataset.path={pets}")
    hashes = [config_hash(config)]
    (pets / ".DS_Store").write_text("x")
    (pets / "Thumbs.db").write_text("x")
    (pets / "__MACOSX").mkdir()
    (pets / "__MACOSX" / "0.png").write_text("x")
    (pets / "birds").mkdir()  # without images it is no class
    assert config_hash(config) == hashes[0]
    Image.new("L", (4, 4), 9).save(pets / "cats" / "1.png")
    hashes.append(config_hash(config))
    (pets / "cats" / "1.png").rename(pets / "dogs" / "1.png")
    hashes.append(config_hash(config))
    assert len(set(hashes)) == 3


@pytest.mark.parametrize("name", ["pipe", "device", "link"])
def test_what_can_not_be_read_to_its_end_is_refused_unread(composed, tmp_path, name):
    pets = tmp_path / "pets"
    (pets / "cats").mkdir(parents=True)
    place = pets / "cats" / name
    os.mkfifo(place) if name == "pipe" else place.symlink_to({"device": "/dev/zero", "link": ".."}[name])
    with pytest.raises(DataError, match=rf"cats/{name} (is a pipe, a socket or a device|leads back to a folder)"):
        config_hash(composed("dataset=image_directory", f"dataset.path={pets}"))


def test_a_name_in_latin_1_counts(composed, tmp_path):
    pets = tmp_path / "pets"
    for name in (b"caf\xe9", b"the"):
        (pets / os.fsdecode(name)).mkdir(parents=True)
        Image.new("L", (4, 4), len(name)).save(pets / os.fsdecode(name) / "0.png")
    config = composed("dataset=image_directory", f"dataset.path={pets}")
    before = config_hash(config)
    (pets / os.fsdecode(b"caf\xe9")).rename(pets / "tea")
    assert config_hash(config) != before


def test_an_altered_byte_of_a_jpeg_is_another_run(composed, tmp_path):
    """JPEG has no checksum: the altered image may well be one that can be read, with other pixels."""
    file = tmp_path / "pets" / "cats" / "0.jpg"
    file.parent.mkdir(parents=True)
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(file)
    config = composed("dataset=image_directory", f"dataset.path={tmp_path / 'pets'}")
    before = config_hash(config)
    content = bytearray(file.read_bytes())
    content[-10] ^= 1
    file.write_bytes(content)
    assert np.asarray(Image.open(file)).shape == (8, 8)
    assert config_hash(config) != before


def test_where_the_files_of_a_published_set_lie_does_not_matter(composed, tmp_path):
    there = composed("dataset=mnist", f"dataset.path={tmp_path}")
    assert config_hash(there) == config_hash(composed("dataset=mnist"))


def test_a_complete_run_is_not_taken_for_one_of_changed_data(composed, tmp_path):
    config = composed(f"dataset.path={save(tmp_path / 'mine.npz')}", base=NPZ)
    train_and_evaluate(config)
    save(tmp_path / "mine.npz", seed=1)
    train_and_evaluate(config)
    assert len(list(RunDirectory.of(checked(config)).path.parent.glob("*/outcome.json"))) == 2


def test_a_run_does_not_continue_on_other_arrays(composed, monkeypatch):
    config = composed("epochs=1")
    train_and_evaluate(config)
    run = RunDirectory.of(checked(config))
    os.remove(run.path / "outcome.json")
    digits = datasets.digits(limit=64)
    changed = dataclasses.replace(digits, train=digits.validation)
    monkeypatch.setattr(parts, "make_dataset", lambda config: changed)
    with pytest.raises(DataError, match="not those the run began with"):
        train_and_evaluate(config)
