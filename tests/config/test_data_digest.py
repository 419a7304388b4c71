"""A data set is known by what its files hold."""

import pytest

from ce_harness.config.data_digest import content_digest


@pytest.fixture
def pets(tmp_path):
    for name in ("cat/1.png", "dog/1.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "cat/Thumbs.db", "__MACOSX/cat/._1.png", "bird/"])
def test_what_an_operating_system_leaves_behind_makes_no_other_data_set(pets, name):
    before = content_digest(pets)
    path = pets / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir() if name.endswith("/") else path.touch()
    assert content_digest(pets) == before


@pytest.mark.parametrize("name", ["cat/2.png", "dog/1.png", "readme"])
def test_any_other_file_does(pets, name):
    before = content_digest(pets)
    (pets / name).write_bytes(b"other")
    assert content_digest(pets) != before
