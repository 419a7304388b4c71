"""The folder of the user's own options and modules, as ``--config-dir`` names it."""

from __future__ import annotations

from pathlib import Path

from ce_harness import places
from ce_harness.errors import ConfigError
from ce_harness.startup import make_importable


def take_in(folder: Path) -> None:
    """Lets Python import the modules in the folder.

    Raises:
        ConfigError: one of its options has the name of one of ours. Hydra would take ours, and say nothing.
    """
    for ours in sorted(places.conf().glob("*/**/*.yaml")):
        own = folder / ours.relative_to(places.conf())
        if own.is_file() and not own.samefile(ours):
            raise ConfigError(f"{own}: ce_harness has an option of this name, which would be taken; rename yours")
    make_importable(folder.absolute())
