"""The page over all reports of a folder: each study's question, answer and page; then the tables of benchmarks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path

from ce_harness.errors import DiskError
from ce_harness.places import RESULTS
from ce_harness.report.output.publish import MARKER

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Reports</title>
<style>body {{ font: 16px/1.55 system-ui, sans-serif; max-width: 46rem; margin: 2.5rem auto; padding: 0 1.25rem; }}
h2 {{ font-size: 1.1rem; margin: 2rem 0 .25rem; }} p {{ margin: .25rem 0; }}</style>
</head>
<body>
<main>
<h1>Reports</h1>
{reports}
</main>
</body>
</html>
"""


def is_over(report: Path) -> bool:
    """Whether a report, at this absolute path, lies where there is such a page."""
    return report.parent.name == RESULTS


def write(folder: Path) -> Path:
    """Writes ``index.html`` over the reports that lie in a folder, and returns its path.

    Raises:
        DiskError: it can't be written.
    """
    page, staged = folder / "index.html", folder / ".index.html.new"
    try:
        staged.write_text(PAGE.format(reports="\n".join(_reports(folder))))
        staged.replace(page)
    except OSError as error:
        raise DiskError(f"{page} can't be written: {error}") from error
    return page


def _reports(folder: Path) -> Iterator[str]:
    measured = []
    for marker in sorted(folder.glob(f"*/{MARKER}")):
        try:
            facts = json.loads(marker.read_bytes())
            question, answer = facts.get("question", ""), facts.get("answer", "")
        except (OSError, ValueError, AttributeError):
            continue  # no report of ours
        name = escape(marker.parent.name)
        if question:
            told = f"\n<p>{escape(answer)}</p>" if answer else ""
            yield f'<h2><a href="{name}/index.html">{escape(question)}</a></h2>{told}'
        elif tables := [escape(table.stem) for table in sorted(marker.parent.glob("*.md"))]:
            links = ", ".join(f'<a href="{name}/{table}.md">{table.replace("_", " ")}</a>' for table in tables)
            measured.append(f"<p>{name.replace('_', ' ')}: {links}</p>")
    if measured:
        yield "\n".join(["<h2>How the harness itself was measured</h2>", *measured])
