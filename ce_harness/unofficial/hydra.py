"""Of Hydra: it has no public way to know its flags, or to see a config before it is acted upon."""

from argparse import ArgumentParser

import hydra._internal.hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl as ConfigLoader  # composes; a subclass may look
from hydra._internal.utils import create_config_search_path, get_args_parser

__all__ = ["ConfigLoader", "create_config_search_path", "flags", "use"]


def flags() -> ArgumentParser:
    """A parser of the flags that ``hydra.main`` takes."""
    return get_args_parser()


def use(loader: type[ConfigLoader]) -> None:
    """Has ``hydra.main`` compose with this class."""
    setattr(hydra._internal.hydra, "ConfigLoaderImpl", loader)  # noqa: B010  (to mypy, the name is not exported)
