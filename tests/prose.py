"""Sentences too long to be read once, in comments, docstrings and Markdown: ``python -m tests.prose [FILE ...]``."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST = 25  # words
ITEM = re.compile(r"\s*([-*#|]|>+|\d+\.)\s")  # of a list or a table, a heading, a quotation or an example in Python
ENTRY = re.compile(r"\s*([\w*`, ]{1,40}:(\s|$)|python )")  # of a section, or a command


def long_sentences(path: Path) -> list[tuple[int, str]]:
    """The line of the block and the sentence, for every sentence of more than ``LONGEST`` words."""
    blocks = _markdown(path.read_text()) if path.suffix == ".md" else _python(path.read_text())
    return [(line, text) for line, block in blocks for text in _sentences(block) if len(text.split()) > LONGEST]


def _sentences(block: str) -> list[str]:
    text = re.sub(r"(`+)[^`]*\1", "code", block)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)  # a link is its text
    return re.split(r"(?<=[.!?])[\"')*_]*\s+", " ".join(text.split()))


def _markdown(text: str) -> Iterator[tuple[int, str]]:
    text = re.sub(r"```.*?```|<!--.*?-->", lambda code: "\n" * code[0].count("\n"), text, flags=re.DOTALL)
    text = re.sub(r"^\|.*$", "", text, flags=re.MULTILINE)
    yield from _blocks(1, text)


def _python(source: str) -> Iterator[tuple[int, str]]:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, documented) and (docstring := ast.get_docstring(node)):
            yield from _blocks(node.body[0].lineno, docstring, of_code=True)
    comments, last = "", -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            beside_code = token.line[: token.start[1]].strip()
            if token.start[0] != last + 1:
                yield from _blocks(last, comments)
                comments = ""
            if beside_code:
                yield from _blocks(token.start[0], token.string.lstrip("# "))
                continue
            comments, last = comments + token.string.lstrip("# ") + "\n", token.start[0]
    yield from _blocks(last, comments)


def _blocks(first: int, text: str, of_code: bool = False) -> Iterator[tuple[int, str]]:
    """Paragraphs, items of lists, and in a docstring the entries of its sections."""
    block, start = [], first
    for number, line in enumerate(text.splitlines(), first):
        begins = ITEM.match(line) or (of_code and ENTRY.match(line))
        if not line.strip() or begins:
            yield start, "\n".join(block)
            block, start = [], number if begins else number + 1
        block.append(line)
    yield start, "\n".join(block)


def checked_files() -> list[Path]:
    """Python and Markdown that is kept in Git, but for what reports have written."""
    listed = subprocess.run(["git", "ls-files", "*.py", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines() if not name.startswith("results/")]


def main(names: list[str]) -> int:
    count = 0
    for path in map(Path, names) if names else checked_files():
        for line, sentence in long_sentences(path):
            count += 1
            print(f"{path.absolute().relative_to(ROOT)}:{line}: {len(sentence.split())} words: {sentence}")
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
