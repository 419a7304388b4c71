"""Types bad commands: run as a program by the tests, it answers with what each of them did.

A case runs in a fork of this process, in a folder of its own, through the real ``run.py`` or ``report.py``. The
config cases fork before TensorFlow is imported, and tell whether they have imported it; it is then imported once for
all the others.
"""

import json
import os
import runpy
import shlex
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ce_harness.cli import run  # noqa: F401  (what run.py imports, once for all cases)
from ce_harness.startup import loading
from tests.bad_input import config_cases
from tests.bad_input.case import Case

ROOT = Path(__file__).parents[2]
HEAVY = {"tensorflow", "keras", "mlflow"}
AT_ONCE = 2


@dataclass(frozen=True)
class Child:
    case: Case
    folder: Path
    stderr: int
    imported: int


def main(folder: Path) -> None:
    answer(config_cases.CASES, folder)
    os.environ |= {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    with loading():
        from ce_harness import losses, models, training  # noqa: F401  (what a command imports, once for all cases)
        from ce_harness.report.output import terminal  # noqa: F401
        from ce_harness.tracking import background_uploader, database_code, uploader  # noqa: F401
    from tests.bad_input import data_cases, surroundings_cases

    background_uploader.SECONDS_BETWEEN_TRIES = 0.01
    answer([*data_cases.CASES, *surroundings_cases.CASES], folder)


def answer(cases: Sequence[Case], folder: Path) -> None:
    """Prints a line of JSON for each case; two of them run at a time."""
    children: dict[int, Child] = {}
    for case in cases:
        if len(children) == AT_ONCE:
            report(children)
        own = folder / case.what.replace(" ", "_")
        own.mkdir()
        stderr, told, imported, listed = *os.pipe(), *os.pipe()
        pid = os.fork()
        if pid == 0:
            act(case, own, told, listed)
        os.close(told)
        os.close(listed)
        children[pid] = Child(case, own, stderr, imported)
    while children:
        report(children)


def act(case: Case, folder: Path, told: int, listed: int) -> None:
    """The child: types the command, says what was imported, leaves with the command's exit code."""
    os.chdir(folder)
    os.dup2(told, 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    code = 99
    try:
        case.prepare()
        sys.argv = shlex.split(case.command)[1:]
        runpy.run_path(str(ROOT / sys.argv[0]), run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    sys.stderr.flush()
    os.write(listed, json.dumps(sorted(HEAVY & set(sys.modules))).encode())
    os._exit(code)


def report(children: dict[int, Child]) -> None:
    pid, status = os.wait()
    child = children.pop(pid)
    answered = {
        "what": child.case.what,
        "exit_code": os.waitstatus_to_exitcode(status),
        "stderr": all_of(child.stderr).replace(str(child.folder), "."),
        "imported": json.loads(all_of(child.imported) or "[]"),
        "folder": str(child.folder),
        "left": sorted(str(path.relative_to(child.folder)) for path in child.folder.rglob("*")),
    }
    print(json.dumps(answered), flush=True)


def all_of(pipe: int) -> str:
    with open(pipe) as file:
        return file.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
