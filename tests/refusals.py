"""What every refusal is like."""


def in_one_line(error: Exception) -> None:
    assert len(str(error).splitlines()) == 1, error
    assert str(error).isprintable(), error
