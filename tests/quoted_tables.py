"""What documents quote of reports: ``python -m tests.quoted_tables`` puts it in its place from results/.

``<!-- results/NAME/TABLE.md -->`` stands before a table, with ``: row, row`` after the path before some rows of one.
Of a report's answer its summary is quoted: the paragraph after the question.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "docs/findings.md", "docs/reliability.md", "docs/scale.md", "docs/sweeps.md")
QUOTED = re.compile(r"(<!-- (results/[^\s:]+)(?:: ([^>]+))? -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def quoted(path: str, report: str, rows: str = "") -> str:
    """What a document has of a report's Markdown, without title and notes."""
    if path.endswith("/answer.md"):
        return report.split("\n\n")[1] + "\n"
    table = [line for line in report.splitlines(keepends=True) if line.startswith("|")]
    if rows:
        wanted = rows.split(", ")
        table = table[:2] + [line for line in table[2:] if line.split("|")[1].strip() in wanted]
        assert len(table) == 2 + len(wanted), f"{path}: not all of {wanted}"
    return "".join(table)


def main() -> None:
    for name in DOCUMENTS:
        text = (ROOT / name).read_text()
        (ROOT / name).write_text(QUOTED.sub(_as_committed, text))


def _as_committed(match: re.Match[str]) -> str:
    return f"{match[1]}\n{quoted(match[2], (ROOT / match[2]).read_text(), match[3])}\n{match[5]}"


if __name__ == "__main__":
    main()
