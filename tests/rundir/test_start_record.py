"""What a run notes of the checkout that it was started from."""

import subprocess

import pytest

from ce_harness.rundir.start_record import git_state


@pytest.fixture
def package(tmp_path):
    """A package of three rooms, committed, and a note beside it."""
    for room in ("rundir", "report", "losses"):
        (tmp_path / "package" / room).mkdir(parents=True)
        (tmp_path / "package" / room / "code.py").write_text("")
    (tmp_path / "package" / "models.py").write_text("")
    (tmp_path / "package" / "devices.py").write_text("")
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "m"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path / "package"


@pytest.mark.parametrize(
    ("edited", "dirty"),
    [
        ("losses/code.py", "true"),
        ("losses/new.py", "true"),
        ("models.py", "true"),
        ("report/code.py", "false"),
        ("report/new.py", "false"),
        ("devices.py", "false"),
        ("../note.md", "false"),
    ],
)
def test_only_what_decides_bits_makes_a_run_dirty(package, edited, dirty):
    assert git_state(package / "rundir")["git_dirty"] == "false"
    (package / edited).write_text("edited = True\n")
    state = git_state(package / "rundir")
    assert state["git_dirty"] == dirty
    assert len(state["git_commit"]) == 40


def test_outside_git_nothing_is_claimed(tmp_path):
    assert git_state(tmp_path) == {"git_commit": "unknown", "git_dirty": "unknown"}


def test_a_package_that_is_installed_into_a_repository_of_the_users_is_not_told_by_its_commits(package):
    """``.venv`` in one's own repository: the commit there is none of our code."""
    installed = package.parent / ".venv" / "ce_harness" / "rundir"
    installed.mkdir(parents=True)
    (installed / "code.py").write_text("")
    assert git_state(installed) == {"git_commit": "unknown", "git_dirty": "unknown"}
