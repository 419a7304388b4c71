"""Tables of reports within documents: ``python -m tests.quoted_tables`` puts those of results/ in their place."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "docs/findings.md", "docs/reliability.md")
QUOTED = re.compile(r"(<!-- (results/\S+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def table_of(report: str) -> str:
    """The rows of the table in a report's Markdown, without its title and notes."""
    return "".join(line for line in report.splitlines(keepends=True) if line.startswith("|"))


def main() -> None:
    for name in DOCUMENTS:
        text = (ROOT / name).read_text()
        (ROOT / name).write_text(QUOTED.sub(_quoted, text))


def _quoted(match: re.Match[str]) -> str:
    return f"{match[1]}\n{table_of((ROOT / match[2]).read_text())}\n{match[4]}"


if __name__ == "__main__":
    main()
