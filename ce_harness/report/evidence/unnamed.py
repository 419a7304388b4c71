"""Keys that a study does not name must not differ among the runs that it compares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator, Sequence

from ce_harness.errors import ConfigError
from ce_harness.report.evidence.grid import Position
from ce_harness.report.evidence.run import GROUPS, Run, value

# Where and how a run was executed, or what is told apart by other means (splits by their digest).
CHANGES_NOTHING = frozenset(
    (
        *("runs_dir", "tracking_uri", "mlflow_experiment", "study", "device", "threads", "allow_inexact_resume"),
        *("evaluate_every", "keep_checkpoint", "log_every_n_steps", "save_model", "save_predictions", "skip_tracked"),
        *("dataset.path", "dataset.split_seed", "dataset.verify"),
    )
)


def varying(runs: Sequence[Run], named: Container[str]) -> list[str]:
    """The keys, other than the named ones, in which the runs of one option differ."""
    keys = {key for run in runs for key in run.params} - CHANGES_NOTHING
    return sorted(key for key in keys if key not in named and _differs(runs, key))


def _differs(runs: Sequence[Run], key: str) -> bool:
    values = defaultdict(set)
    for run in runs:
        values[_option(run, key)].add(value(run, key))
    return any(len(of_option) > 1 for of_option in values.values())


def of_the_few(
    runs: Sequence[Run], settings: Sequence[Position], named: Container[str], study: str
) -> Iterator[tuple[Run, str]]:
    """Yield each run that differs from most runs of its setting in a key that is not named, and the reason.

    A key of an option, such as ``loss.scale``, may differ between options, and any key between settings.

    Args:
        settings: that of each run.

    Raises:
        ConfigError: as many runs have one value as have another.
    """
    left = list(zip(runs, settings, strict=True))
    for key in varying(runs, named):
        alike: dict[tuple[Position, str], dict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
        for run, setting in left:
            alike[setting, _option(run, key)][value(run, key)].append(run)
        few: set[str] = set()
        for by_value in alike.values():
            ranked = sorted(by_value.items(), key=lambda item: -len(item[1]))
            if len(ranked) > 1 and len(ranked[0][1]) == len(ranked[1][1]):
                both = " and ".join(f"{text or 'none'} ({some[0].name})" for text, some in sorted(ranked[:2]))
                raise ConfigError(
                    f"study {study!r} has runs that differ in {key}: {both}; "
                    f"choose with --where {key}={ranked[0][0]}, or {_mend(key)}"
                )
            for text, some in ranked[1:]:
                few.update(run.run_id for run in some)
                yield from ((run, f"foreign: {key}={text}, most runs have {ranked[0][0]}") for run in some)
        left = [(run, setting) for run, setting in left if run.run_id not in few]


def _mend(key: str) -> str:
    if key.startswith("loss."):
        return f"tune it: --tunes learning_rate,{key} with --losses, or {key!r} in the study's `reads` and `tunes`"
    return f"name the values under {key!r} in the study's `reads`"


def _option(run: Run, key: str) -> str:
    group, dot, _ = key.partition(".")
    return value(run, group) if dot and group in GROUPS else ""
