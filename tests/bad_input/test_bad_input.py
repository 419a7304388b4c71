"""Bad input, case by case: one line that helps, the contract's exit code, and nothing half made.

``BAD_INPUT_TABLE=write pytest tests/bad_input`` writes docs/bad_input.md, the table of what every case answers.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bad_input import config_cases, data_cases, surroundings_cases
from tests.bad_input.table import committed, written
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

CASES = {case.what: case for module in (config_cases, data_cases, surroundings_cases) for case in module.CASES}


@pytest.fixture(scope="module")
def answers(tmp_path_factory, migrated_store):
    program = subprocess.run(
        [sys.executable, "-m", "tests.bad_input.driver", str(tmp_path_factory.mktemp("typed"))],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "MIGRATED_STORE": str(migrated_store)},
    )
    assert program.returncode == 0, program.stderr
    found = [json.loads(line) for line in program.stdout.splitlines()]
    return {answer["what"]: answer for answer in found}


@pytest.mark.parametrize("what", CASES)
def test_bad_input_is_refused_in_one_line(answers, what):
    case, answer = CASES[what], answers[what]
    assert answer["stderr"].startswith("error: ")
    assert answer["stderr"].count("\n") == 1
    assert case.says in answer["stderr"]
    assert answer["exit_code"] == case.exit_code
    if case.command.startswith("python run.py") and not case.keeps_run:
        left = [path for path in answer["left"] if path.startswith("runs/")]
        assert [path for path in left if not path.startswith("runs/cache")] == []


@pytest.mark.parametrize("what", [case.what for case in config_cases.CASES])
def test_a_bad_config_is_refused_before_tensorflow_and_leaves_nothing(answers, what):
    assert answers[what]["imported"] == []
    assert [path for path in answers[what]["left"] if not path.startswith("mine")] == []


def test_no_password_is_shown_or_kept(answers):
    shown = [answer for answer in answers.values() if "hunter2" in CASES[answer["what"]].command]
    assert len(shown) == 2
    for answer in shown:
        assert "hunter2" not in answer["stderr"]
        files = [path for path in Path(answer["folder"]).rglob("*") if path.is_file()]
        assert [path for path in files if b"hunter2" in path.read_bytes()] == []


def test_a_pickle_was_not_run(answers):
    assert "executed" not in answers["a pickle called .npz"]["left"]


def test_the_table_in_the_docs_is_of_these_cases(answers):
    path = Path(ROOT) / "docs" / "bad_input.md"
    if os.environ.get("BAD_INPUT_TABLE") == "write":
        path.write_text(written([(CASES[what], answers[what]) for what in CASES]))
    assert committed(path.read_text()) == [
        (case.what, f"`{case.command}`", str(case.exit_code)) for case in CASES.values()
    ]
