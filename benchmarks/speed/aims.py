"""What each figure was to be at most, set before any of them was measured."""

from __future__ import annotations


def aim(measured: float, at_most: float | None) -> dict[str, str]:
    """The two columns that say what a figure was to be, and whether it is; empty where nothing was aimed at."""
    if at_most is None:
        return {"at most": "", "met": ""}
    return {"at most": f"{at_most:.3g}", "met": "yes" if measured <= at_most else "no"}
