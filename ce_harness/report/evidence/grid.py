"""The combinations that a study reads, and which of them a run is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from ce_harness.report.evidence.run import Run, value
from ce_harness.report.study import Where

Position = tuple[int, ...]


class Grid:
    """The combinations of ``reads``.

    A position is a combination as indices, one for each name; -1 stands for a value that is not allowed.
    """

    def __init__(self, reads: Mapping[str, Sequence[Any]], where: Where | None = None):
        self._reads = reads
        self._where = where
        self._indices = {name: {normal(one): i for i, one in enumerate(allowed)} for name, allowed in reads.items()}

    @property
    def names(self) -> list[str]:
        return list(self._reads)

    def position(self, run: Run) -> Position:
        return tuple(self.index(name, value(run, name)) for name in self._indices)

    def position_of(self, combination: Mapping[str, object]) -> Position:
        """The same of a combination as ``reads`` writes it."""
        return tuple(indices[normal(combination[name])] for name, indices in self._indices.items())

    def combination(self, run: Run) -> dict[str, object]:
        """The run's combination as ``reads`` writes it."""
        return {name: self._reads[name][i] for name, i in zip(self._indices, self.position(run), strict=True)}

    def stray(self, run: Run) -> str | None:
        """The first ``name=value`` of a run that the grid does not hold, or its whole combination."""
        for name in self._indices:
            if self.index(name, value(run, name)) < 0:
                return f"{name}={value(run, name)}"
        if self._where and not self._where(self.combination(run)):
            return words(self.combination(run))
        return None

    def index(self, name: str, text: str) -> int:
        """Of a value as text among those allowed; -1 if it is none of them."""
        indices = self._indices[name]
        return indices.get(text, indices.get(number(text), -1))


def normal(allowed: Any) -> str | float:
    """A value as it is compared: numbers as numbers, all else (text, True, None, lists) as the text MLflow keeps."""
    return float(allowed) if isinstance(allowed, Real) and not isinstance(allowed, bool) else str(allowed)


def number(text: str) -> str | float:
    """Text as a number, if it is one."""
    try:
        return float(text)
    except ValueError:
        return text


def words(combination: Mapping[str, object]) -> str:
    """``loss=mse seed=0``."""
    return " ".join(f"{name}={one}" for name, one in combination.items())
