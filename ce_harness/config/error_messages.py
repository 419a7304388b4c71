"""What to tell a user whose config or command line Hydra won't take: one line instead of Hydra's many."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import yaml
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
)
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    OmegaConfBaseException,
)

from ce_harness.config.schema import GROUPS
from ce_harness.errors import ConfigError, HarnessError
from ce_harness.places import run_command


def explain(error: BaseException) -> HarnessError | None:
    """The error as one line with an exit code; None for one that is nobody's known mistake."""
    if isinstance(error, HarnessError) and not isinstance(error, ConfigError):
        return error
    if shortage := _shortage_of_memory(error):  # even if it is the cause of a ConfigError: ``parts`` blames the config
        tensor = re.search(r"OOM when allocating tensor.*?(?= on /)", str(shortage))  # among lines of TensorFlow's
        why = tensor[0] if tensor else first_line(shortage)
        return HarnessError(f"the memory is full ({why}); take a smaller model, batch_size or data set")
    if refusal := _without_deterministic_kernel(error):
        return refusal
    if isinstance(error, ConfigError):
        return error
    if getattr(error, "missing_cfg_file", None) == "hydra/launcher/submitit_slurm":  # what our launcher builds on
        return ConfigError("hydra/launcher=slurm: Submitit is not installed; pip install '.[slurm]'")
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        allowed = ", ".join(sorted(error.options))
        return ConfigError(
            f"{group}={name}: there is no such option{_nearest(name, error.options)}; allowed: {allowed}"
        )
    if isinstance(error, ConfigCompositionException | HydraException | OmegaConfBaseException):
        return ConfigError(_mistake(error))
    return None


@contextmanager
def reading_yaml(file: str = "a YAML file of this command") -> Iterator[None]:
    """Says which YAML file can't be read, and why: Hydra lets through whatever its readers raise.

    Args:
        file: what to call it where the error does not tell.

    Raises:
        ConfigError: in place of any error but Hydra's own.
    """
    try:
        yield
    except (HarnessError, HydraException, OmegaConfBaseException, MemoryError):
        raise
    except Exception as error:
        reason = first_line(error)
        match error:
            case yaml.MarkedYAMLError(problem_mark=yaml.Mark() as mark):
                file, reason = f"{mark.name}, line {mark.line + 1}", error.problem or reason
            case yaml.reader.ReaderError():
                file, reason = error.name, error.reason
            case RecursionError():
                reason = "its defaults list leads back to it"
        raise ConfigError(f"{file}: it can't be read ({reason}); mend it") from error


def _shortage_of_memory(error: BaseException | None) -> BaseException | None:
    """What says that the memory is full, of an error and those that led to it; Keras and Hydra wrap what they catch."""
    seen = []
    while error is not None and error not in seen:
        # TensorFlow's, known by its name, is that of a full disk, too.
        of_tensorflow = type(error).__name__ == "ResourceExhaustedError" and "No space left" not in str(error)
        if isinstance(error, MemoryError) or of_tensorflow:
            return error
        seen.append(error)
        error = error.__cause__ or error.__context__
    return None


def _without_deterministic_kernel(error: BaseException | None) -> ConfigError | None:
    """TensorFlow's own refusal, which names the operation, of this error or of one that led to it."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        said = re.search(r"[^\n.]*[Dd]eterminis(?:tic|m)[^\n.]*", str(error))
        if said and type(error).__name__ in ("UnimplementedError", "RuntimeError"):
            return ConfigError(
                f"deterministic=true: {said[0].strip()}; take another layer or loss, device=cpu, or "
                "deterministic=false, with which equal runs differ in their last bits"
            )
        seen.append(error)
        error = error.__cause__ or error.__context__
    return None


def _mistake(error: BaseException) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, ConfigKeyError | ConfigAttributeError):
        siblings = [] if cause.parent_node is None else [str(key) for key in cause.parent_node]
        siblings = sorted(key for key in siblings if key not in ("hydra", "name", "_target_"))
        allowed = f"the keys are {', '.join(siblings)}" if siblings else f"`{run_command()} --cfg job` shows all keys"
        near, key = _nearest(str(cause.key), siblings), str(cause.full_key)
        of_a_part = key.partition(".")[0] in GROUPS and not near
        added = f"; if the class takes it, add it: +{key}=VALUE" if of_a_part else ""
        return f"{key}: there is no such key{near}; {allowed}{added}"
    absent = re.search(r"Could not override '(.*?)'.*No match in the defaults list", str(error), re.DOTALL)
    if absent:
        return f"{absent[1]}: there is no such group; `{run_command()} --help` lists the groups"
    return first_line(error) + (f" ({first_line(cause)})" if cause is not error else "")


def first_line(error: BaseException) -> str:
    """The first line of what an error says; its kind where it says nothing."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _nearest(word: str, known: Sequence[str]) -> str:
    match = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {match[0]}?)" if match else ""
