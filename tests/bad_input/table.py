"""The table of bad input in docs/bad_input.md: written from the answers, and read back."""

import re
from collections.abc import Sequence

from tests.bad_input.case import Case

HEAD = """# Bad input

What every mistake answers: one line on stderr and the contract's exit code; it leaves no half-made run behind. Where a
page explains more, the line ends with it. What can be seen in the config alone is answered before TensorFlow or MLflow
is imported. `HYDRA_FULL_ERROR=1` adds the traceback. `mine.npz`, `pets/`, `fashion/` and `mine/` are as the case says.
The test run makes this table: `BAD_INPUT_TABLE=write .venv/bin/pytest -m slow tests/bad_input`.

| case | typed | exit code | answer |
|---|---|---|---|
"""


def written(answered: Sequence[tuple[Case, dict]]) -> str:
    """Markdown, a row per case. Doubled backticks, since some answers hold single ones."""
    rows = [
        (case.what, f"`{case.command}`", str(answer["exit_code"]), f"`` {_anywhere(answer['stderr'])} ``")
        for case, answer in answered
    ]
    return HEAD + "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |\n" for row in rows)


def _anywhere(line: str) -> str:
    """Without what differs from one machine, process and version of the code to the next; commands as in a checkout."""
    line = re.sub(r"\bce-(run|report)\b", r"python \1.py", line)
    line = re.sub(r"process \d+ on [^;]+", "process PID on HOST", line.strip())
    return re.sub(r"runs/[0-9a-f]{12}-[0-9a-f]{12}", "runs/RUN", line)


def committed(text: str) -> list[tuple[str, str, str]]:
    """Case, command and exit code of each row."""
    rows = text.removeprefix(HEAD).splitlines()
    return [tuple(row.removeprefix("| ").split(" | ")[:3]) for row in rows]
