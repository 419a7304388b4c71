"""Hydra's own node of a config holds what ``conf/config.yaml`` puts there: Hydra acts upon it before we are asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ce_harness.config.error_messages import reading_yaml
from ce_harness.errors import ConfigError
from ce_harness.places import run_command
from ce_harness.unofficial import hydra

_SILENT = {"version": 1, "root": {"level": "ERROR"}, "disable_existing_loggers": True}
_FIXED = {
    "callbacks": {},
    "hydra_logging": _SILENT,
    "job_logging": _SILENT,
    "verbose": False,
    "output_subdir": None,
    "run.dir": ".",
    "job.chdir": False,
    "job.env_set": {},
    "job.env_copy": [],
    "sweeper._target_": "hydra_plugins.resumable_sweeper.ResumableSweeper",
}


class CheckedConfigLoader(hydra.ConfigLoader):
    """Composes as Hydra does, and refuses a config in which Hydra would run or write what is not ours."""

    def load_configuration(self, *args: Any, **kwargs: Any) -> DictConfig:
        with reading_yaml():
            config = super().load_configuration(*args, **kwargs)
        check(config.hydra)
        return config


def check(node: DictConfig) -> None:
    """Checks Hydra's own node.

    Raises:
        ConfigError: something in it is not as we left it, or names code that would be run.
    """
    for key, expected in _FIXED.items():
        held = OmegaConf.select(node, key)
        held = OmegaConf.to_container(held) if OmegaConf.is_config(held) else held
        if held != expected or type(held) is not type(expected):  # 0 is no False
            raise ConfigError(
                f"hydra.{key}: ce_harness sets it; leave it out (`{run_command()} --cfg hydra` shows all)"
            )
    params = OmegaConf.select(node, "sweeper.params")
    if params is not None and not isinstance(params, DictConfig):
        raise ConfigError(f"hydra.sweeper.params={params}: allowed are keys with values, such as {{seed: '0,1,2'}}")
    for path in _targets(OmegaConf.to_container(node), "hydra"):
        if path not in ("hydra.launcher._target_", "hydra.sweeper._target_"):
            raise ConfigError(f"{path}: Hydra would call what it names; leave it out")


def _targets(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "_target_":
                yield f"{path}._target_"
            yield from _targets(inner, f"{path}.{key}")
    if isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _targets(inner, f"{path}[{position}]")
