"""The cells of a sweep and the run each of them is: planned before any worker starts, without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import joblib
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from ce_harness.config import run_name
from ce_harness.errors import ConfigError
from ce_harness.rundir.directory import RunDirectory
from ce_harness.sweep.family import Family, is_number

FAMILIES_AT_ONCE = 200  # bounds the memory: each keeps a config


@dataclass(frozen=True)
class Cell:
    """One run of a sweep.

    Attributes:
        overrides: what makes ``python run.py OVERRIDES`` this very run, the number of threads included.
        config: composed and checked, as plain data.
        run: its directory.
        varied: those of its overrides that not all cells share.
    """

    overrides: tuple[str, ...]
    config: Mapping[str, Any]
    run: RunDirectory
    varied: tuple[str, ...]

    @property
    def label(self) -> str:
        """What tells it from the other cells, ``loss=mse seed=3``."""
        return " ".join(self.varied) or run_name(self.config)


def plan(loader: ConfigLoader, sweep_config: DictConfig, combinations: Iterable[Sequence[str]]) -> list[Cell]:
    """The cells of a sweep in order; combinations that make the same run are one cell.

    Args:
        loader: Hydra's.
        sweep_config: Hydra's config of the sweep as a whole.
        combinations: the overrides of each cell.

    Raises:
        ConfigError: a cell's config is wrong, or the launcher's.
    """
    given = [tuple(combination) for combination in combinations]
    shared = set.intersection(*map(set, given))
    composer = Composer(loader, sweep_config)
    cores = cores_of_a_cell(sweep_config.hydra.launcher)
    cells: dict[Path, Cell] = {}
    families: dict[tuple[str, ...], Family] = {}
    for combination in given:
        kind, numbers = composer.split(combination)
        family = families.get(kind)
        planned = family and family.cell(numbers)
        if not family or not planned:
            if len(families) == FAMILIES_AT_ONCE:
                families.clear()
            family = families[kind] = Family(composer.compose(combination), cores, numbers)
            planned = family.config, family.run
        config, path = planned
        # Elsewhere "auto" may be another number: in a worker, on another host, in a call for this run alone.
        threads = (f"threads={config['threads']}",) if family.threads_are_open else ()
        varied = tuple(override for override in combination if override not in shared)
        cells.setdefault(path, Cell((*combination, *threads), config, RunDirectory(path), varied))
    return list(cells.values())


def cores_of_a_cell(launcher: DictConfig) -> int:
    """How many a cell has: asked of a cluster, or this machine's over the cells that run at a time."""
    for key in ("cpus_per_task", "remote.num_cpus"):
        asked = OmegaConf.select(launcher, key)
        if asked:
            return max(1, int(asked))  # Ray takes fractions
    jobs = launcher.get("n_jobs", 1)
    if not isinstance(jobs, int) or jobs == 0:
        raise ConfigError(
            f"hydra.launcher.n_jobs={jobs}: allowed is a number of cells to run at a time, or -1 for what all cores "
            "carry; for example hydra.launcher.n_jobs=2"
        )
    return max(1, joblib.cpu_count() // joblib.effective_n_jobs(jobs))


class Composer:
    """Composes the configs of cells, equal to Hydra's.

    Hydra composes every cell from its files. Here it does so once for each combination of group options. Values of
    single keys are then set on a copy, the way Hydra sets them. Whatever is more than a plain ``key=value``
    (``~key``, ``group@package``, a dictionary) is left to Hydra.
    """

    def __init__(self, loader: ConfigLoader, sweep_config: DictConfig):
        self._loader = loader
        self._sweep_config = sweep_config
        self._parsed = cache(OverridesParser.create().parse_override)  # the cells of a sweep share most of theirs
        self._is_group = cache(lambda key: bool(loader.get_group_options(key)))
        self._from_hydra = cache(self._compose_by_hydra)

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """The config of a cell, without Hydra's own node."""
        parsed = [self._parsed(override) for override in overrides]
        if not all(self._is_plain(override) for override in parsed):
            return self._compose_by_hydra(tuple(overrides))
        options = tuple(o.input_line for o in parsed if self._is_group(o.key_or_group))
        config = self._from_hydra(options).copy()
        try:
            for override in parsed:
                if not self._is_group(override.key_or_group):
                    OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
        except OmegaConfBaseException:
            return self._compose_by_hydra(tuple(overrides))  # which refuses it in Hydra's words
        return config

    def split(self, overrides: Sequence[str]) -> tuple[tuple[str, ...], dict[str, int | float]]:
        """What all cells of a `Family` share, and the numbers of this one, by key."""
        parsed = [self._parsed(override) for override in overrides]
        values = {override.key_or_group: override.value() for override in parsed}
        mixed = len(values) < len(parsed) or any(isinstance(value, dict) for value in values.values())
        if mixed or not all(map(self._is_plain, parsed)):  # one override may change what another has set
            return tuple(overrides), {}
        numbers = {key: value for key, value in values.items() if is_number(value) and not self._is_group(key)}
        keys = [override.key_or_group for override in parsed]
        kind = tuple(key if key in numbers else word for key, word in zip(keys, overrides, strict=True))
        return kind, numbers

    def _is_plain(self, override: Override) -> bool:
        if override.type != OverrideType.CHANGE or override.package is not None:
            return False
        return not (self._is_group(override.key_or_group) and isinstance(override.value(), dict))

    def _compose_by_hydra(self, overrides: tuple[str, ...]) -> DictConfig:
        config = self._loader.load_sweep_config(self._sweep_config, list(overrides))
        with open_dict(config):
            del config["hydra"]
        return config
