"""Standard input and output that are closed, full or read by nobody end no command."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

FULL = "error: standard output: can't be written (No space left on device); send it elsewhere\n"
# Prints a line by Python and by the C library, opens a file, writes to it, and prints again.
COMMAND = """
import ctypes, sys
from ce_harness.cli import streams
streams.secure()
with open("file", "w") as file:
    print("heard", flush=True)
    print("warned", file=sys.stderr)
    for number in (1, 2):
        ctypes.CDLL(None).dprintf(number, b"by a library")
    file.write("kept")
print("and again")
sys.exit(streams.exit_code_after(0))
"""


@pytest.fixture
def shell(tmp_path):
    """Runs the command with its streams redirected; PIPE is a pipe that nobody reads."""
    reading, pipe = os.pipe()
    os.close(reading)

    def run(redirected):
        command = f"{sys.executable} -c '{COMMAND}' {redirected.replace('PIPE', str(pipe))}"
        return subprocess.run(
            ["bash", "-c", command],
            pass_fds=[pipe],
            cwd=tmp_path,
            env={"PYTHONPATH": ROOT},
            capture_output=True,
            text=True,
        )

    yield run
    os.close(pipe)


@pytest.mark.parametrize(
    ("redirected", "code", "said"),
    [
        (">&-", 0, "warned\nby a library"),
        ("<&- >&- 2>&-", 0, ""),
        (">/dev/full", 7, f"warned\nby a library{FULL}"),
        ("2>/dev/full >/dev/null", 0, ""),
        (">&PIPE", 141, "warned\nby a library"),
    ],
)
def test_a_command_ends_as_if_all_had_been_heard(shell, tmp_path, redirected, code, said):
    answer = shell(redirected)
    assert (answer.returncode, answer.stderr) == (code, said)
    assert (tmp_path / "file").read_text() == "kept"


def test_what_can_be_written_is_written_as_ever(shell):
    answer = shell("")
    assert (answer.returncode, answer.stderr) == (0, "warned\nby a library")
    assert answer.stdout == "heard\nby a libraryand again\n"
