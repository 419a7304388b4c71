"""Decoded images are kept: what makes them be decoded again, and what a damaged or deleted cache does."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from ce_harness import datasets
from ce_harness.config import config_hash
from ce_harness.datasets import folders
from ce_harness.errors import DataError, DiskError


@pytest.fixture
def pets(tmp_path):
    """Ten images of each of two classes, written a minute ago."""
    for name in ("cats", "dogs"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for k in range(10):
            write(tmp_path / "pets" / name / f"{k}.png", seed=10 * len(name) + k)
    return tmp_path / "pets"


def write(file, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, size=(9, 9, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)
    age(file)


def age(file, seconds=60):
    then = time.time() - seconds
    os.utime(file, (then, then))


@pytest.fixture
def decoded(monkeypatch):
    """The files that were decoded."""
    files = []
    read = folders.read_image
    monkeypatch.setattr(folders, "read_image", lambda file, **options: files.append(file) or read(file, **options))
    return files


def load(pets, **options):
    return datasets.image_directory(path=pets, size=8, cache=pets.parent / "cache", **options)


def test_images_are_decoded_once_and_mapped_from_then_on(pets, decoded):
    first, second = load(pets), load(pets)
    assert len(decoded) == 20
    assert isinstance(second.train.pixels, np.memmap)
    in_memory = datasets.image_directory(path=pets, size=8)
    assert first.digest == second.digest == in_memory.digest
    np.testing.assert_array_equal(second.test.images, in_memory.test.images)


def test_one_decodes_while_others_that_need_the_same_wait(pets, decoded):
    with ThreadPoolExecutor(4) as pool:
        digests = set(pool.map(lambda _: load(pets).digest, range(4)))
    assert len(digests) == 1
    assert len(decoded) == 20


def test_the_cache_may_be_deleted_under_a_run_that_reads_it(pets, caplog):
    reading = load(pets)
    assert f"{pets}: 20 images are kept decoded in {pets.parent}/cache" in caplog.text
    assert "(0 MB)" in caplog.text
    shutil.rmtree(pets.parent / "cache")
    np.testing.assert_array_equal(reading.train.images, load(pets).train.images)


@pytest.mark.slow
def test_other_processes_decode_to_the_same_pixels(pets, monkeypatch):
    """Seconds, in which they start: only many images are worth it."""
    here = load(pets).digest
    shutil.rmtree(pets.parent / "cache")
    monkeypatch.setattr(folders, "_FEW", 1)
    assert load(pets).digest == here


def test_other_options_and_other_content_are_decoded_anew(pets, decoded):
    load(pets)
    load(pets, channels=1)
    assert len(decoded) == 40
    load(pets, val_fraction=0.3, split_seed=5)
    assert len(decoded) == 40
    write(pets / "cats" / "3.png", seed=99)
    load(pets)
    assert len(decoded) == 60


def test_that_nothing_changed_is_found_without_reading(pets, composed):
    config = composed("dataset=image_directory", f"dataset.path={pets}", f"dataset.cache={pets.parent}/cache", base=())
    before = config_hash(config)
    file = pets / "cats" / "3.png"
    status = file.stat()
    content = file.read_bytes()
    program = (
        "import sys; from pathlib import Path; from ce_harness.config.data_digest import content_digest; "
        f"print(content_digest(Path({str(pets)!r}), cache=Path({str(pets.parent / 'cache')!r}), "
        "verify=sys.argv[1] == 'verify'))"
    )

    def digest(verify=""):
        command = [sys.executable, "-c", program, verify]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    kept = digest()
    # Nobody can see this but by reading: the same size, time and inode.
    file.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert digest() == kept
    assert digest("verify") != kept
    age(file, 50)
    assert config_hash(config) != before


def test_a_damaged_cache_is_decoded_again(pets, decoded, caplog):
    digest = load(pets).digest
    (file,) = (pets.parent / "cache").glob("*/pixels.npy")
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    assert load(pets).digest == digest
    assert len(decoded) == 40
    assert "is damaged: decoding again" in caplog.text
    shutil.rmtree(pets.parent / "cache")
    assert load(pets).digest == digest


def test_a_folder_that_can_not_be_decoded_leaves_nothing_behind(pets):
    (pets / "cats" / "3.png").write_text("x")
    with pytest.raises(DataError, match=r"3\.png is not an image"):
        load(pets)
    assert [path.suffix for path in (pets.parent / "cache").iterdir() if path.name != "digests"] == [".lock"]


def test_a_cache_that_can_not_be_written_is_one_line(pets):
    (pets.parent / "cache").write_text("x")
    with pytest.raises(DiskError, match="cache can't be written .*; name another folder by CE_CACHE"):
        load(pets)


def test_where_images_are_kept_makes_no_other_run(pets, composed):
    def hash_of(*overrides):
        return config_hash(composed("dataset=image_directory", f"dataset.path={pets}", *overrides, base=()))

    hashes = {
        hash_of(),
        hash_of("dataset.cache=null"),
        hash_of(f"dataset.cache={pets.parent}/other"),
        hash_of("dataset.verify=true"),
    }
    assert len(hashes) == 1
    assert len(hashes | {hash_of("dataset.background=black")}) == 2


def test_what_was_not_needed_for_long_can_be_removed(pets):
    load(pets)
    load(pets, channels=1)
    old, _ = (pets.parent / "cache").glob("*/entry.json")
    age(old, 3 * 86_400)
    command = [sys.executable, "-m", "ce_harness.datasets.cache", pets.parent / "cache", "--unused-for", "2"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert sorted(line.split()[0] for line in said.splitlines()) == [f"{pets}:", "removed"]
    assert len(list((pets.parent / "cache").glob("*/entry.json"))) == 1
