"""What a case of bad input is."""

from collections.abc import Callable
from dataclasses import dataclass


def nothing() -> None:
    pass


@dataclass(frozen=True)
class Case:
    """A command a user might type by mistake, and what it must answer.

    Attributes:
        what: names the case.
        command: as typed, in an empty folder.
        says: part of the one line on stderr.
        exit_code: the contract's.
        prepare: puts what the command needs into the current folder.
        keeps_run: whether the run is there afterwards, complete or ready to go on.
    """

    what: str
    command: str
    says: str
    exit_code: int = 2
    prepare: Callable[[], None] = nothing
    keeps_run: bool = False
