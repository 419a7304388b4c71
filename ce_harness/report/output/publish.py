"""A report on disk: made in a folder beside the old one, and swapped in whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ce_harness.errors import DiskError
from ce_harness.report.output import formats
from ce_harness.report.output.latex import latex
from ce_harness.report.study import Table

# Written last into every report: a folder that holds it may be replaced by a newer report.
MARKER = "report.json"


def table_files(tables: Mapping[str, Table]) -> dict[str, str]:
    """Each table as CSV, Markdown and LaTeX, by file name."""
    files = {}
    for name, table in tables.items():
        files[f"{name}.csv"] = formats.csv(table)
        files[f"{name}.md"] = formats.markdown(table)
        files[f"{name}.tex"] = latex(table, name)
    return files


def write(files: Mapping[str, str | bytes], output: Path) -> None:
    """Put the files of a report, ``MARKER`` among them, in the place of ``output``: all of them or none.

    Raises:
        DiskError: see `replaced`.
    """
    with replaced(output) as folder:
        for file, content in files.items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())


@contextmanager
def replaced(output: Path) -> Iterator[Path]:
    """Yield an empty folder; when the block ends well it takes the place of ``output``, else nothing changes.

    Raises:
        DiskError: ``output`` can't be written, or holds something that is no report.
    """
    old = output.with_name(f".{output.name}.old")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.exists() and not (output / MARKER).exists() and (not output.is_dir() or any(output.iterdir())):
            raise DiskError(f"{output} is not a report (no {MARKER} in it) and is left alone: choose another --output")
        staged = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    except OSError as error:
        raise DiskError(f"{output} can't be written: {error}; choose another --output") from error
    try:
        yield staged
        staged.chmod(0o755)
        shutil.rmtree(old, ignore_errors=True)
        if output.exists():
            output.rename(old)
        staged.rename(output)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise DiskError(f"{output} can't be written: {error}") from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        if old.exists() and not output.exists():  # stopped between the two renames, now or in an earlier call
            old.rename(output)
