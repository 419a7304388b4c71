"""A report on disk: written into a folder beside the old one, which then changes places with it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ce_harness.errors import DiskError
from ce_harness.report.output import formats
from ce_harness.report.output.exchange import exchange
from ce_harness.report.output.latex import latex
from ce_harness.report.study import Table

# Lists every other file of a report, with its SHA-256.
MARKER = "report.json"


def table_files(tables: Mapping[str, Table]) -> dict[str, str]:
    """Each table as CSV, Markdown and LaTeX, by file name."""
    files = {}
    for name, table in tables.items():
        files[f"{name}.csv"] = formats.csv(table)
        files[f"{name}.md"] = formats.markdown(table)
        files[f"{name}.tex"] = latex(table, name)
    return files


def write(files: Mapping[str, str | bytes], facts: Mapping[str, Any], output: Path) -> None:
    """Put a report in the place of an earlier one: all of it or nothing, so that a reader always finds one.

    What a kill leaves behind, ``.NAME.new``, is removed by the next report.

    Args:
        files: their contents.
        facts: what ``MARKER`` is to say beside the list of files.

    Raises:
        DiskError: ``output`` can't be written, or holds what no report has written.
    """
    contents = {name: one if isinstance(one, bytes) else one.encode() for name, one in files.items()}
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(contents.items())}
    contents[MARKER] = (json.dumps({**facts, "files": checksums}, indent=2) + "\n").encode()
    staged, old = output.with_name(f".{output.name}.new"), output.with_name(f".{output.name}.old")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with _alone_in(output.parent):
            _recover(output, staged, old)
            refuse_strangers(output)
            for name, content in contents.items():
                (staged / name).parent.mkdir(parents=True, exist_ok=True)
                (staged / name).write_bytes(content)
            _swap(staged, output, old)
    except OSError as error:
        raise DiskError(f"{output} can't be written: {error}; choose another --output") from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two reports at once come one after the other, where the file system can lock a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _recover(output: Path, staged: Path, old: Path) -> None:
    """What an earlier call, killed, has left."""
    if old.exists() and not output.exists():
        old.rename(output)
    shutil.rmtree(staged, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def refuse_strangers(output: Path) -> None:
    """Refuse what ``write`` would refuse: to be called before work that takes long.

    Raises:
        DiskError: ``output`` holds what no report has written.
    """
    if not output.exists():
        return
    if not output.is_dir():
        raise DiskError(f"{output} is a file and is left alone: choose another --output")
    present = {str(path.relative_to(output)) for path in output.rglob("*") if not path.is_dir()}
    strangers = sorted(present - _written(output))
    if strangers:
        more = f" and {len(strangers) - 1} more" if len(strangers) > 1 else ""
        raise DiskError(
            f"{output} is left alone: it holds {strangers[0]}{more}, which no report wrote; move what is yours, "
            "or choose another --output"
        )


def _written(output: Path) -> set[str]:
    """What the report in a folder lists; nothing where there is none."""
    if not (output / MARKER).is_file():  # to read a pipe would never end
        return set()
    try:
        report = json.loads((output / MARKER).read_bytes())
    except (OSError, ValueError):
        return set()
    if "files" not in report:
        raise DiskError(f"{output} holds a report of an earlier version, which did not list its files: move it away")
    return {MARKER, *report["files"]}


def _swap(staged: Path, output: Path, old: Path) -> None:
    if not output.exists():
        staged.rename(output)
    elif not exchange(staged, output):
        output.rename(old)  # for a moment there is no report
        staged.rename(output)
        shutil.rmtree(old, ignore_errors=True)
