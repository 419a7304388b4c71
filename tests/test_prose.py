"""Comments, docstrings and documents can be read once: no sentence of more than 25 words."""

import pytest

from tests.prose import ROOT, checked_files, long_sentences


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a Git checkout")
def test_no_sentence_is_too_long():
    assert [(str(path), *sentence) for path in checked_files() for sentence in long_sentences(path)] == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("word " * 25 + "\n", []),
        ("word " * 26 + "\n", [1]),
        ("Short.\n\n" + "word " * 30, [3]),
        ("- " + "word " * 20 + "\n- " + "word " * 20, []),
        ("```\n" + "word " * 30 + "\n```\n", []),
        ("word " * 24 + "`one two three`", []),
    ],
)
def test_what_counts_as_a_sentence(tmp_path, text, lines):
    (tmp_path / "text.md").write_text(text)
    assert [line for line, _ in long_sentences(tmp_path / "text.md")] == lines


def test_comments_and_docstrings_are_read(tmp_path):
    long = "word " * 26
    code = f'"""{long}"""\n\n# {long[:60]}\n# {long[60:]}\nx = "{long}"\n'
    (tmp_path / "code.py").write_text(code)
    assert [line for line, _ in long_sentences(tmp_path / "code.py")] == [1, 4]
