"""The commands that train the runs of a study, for a shell to read: each of them works as printed."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from ce_harness.cli.composing import GROUPS, Configs, flat, override, override_by_mapping
from ce_harness.config.schema import PARTS_BY_NAME
from ce_harness.errors import ConfigError
from ce_harness.report.evidence.run import Run, value
from ce_harness.report.study import Study
from ce_harness.report.verdicts.tuning import planned_runs

PLACES = frozenset(("runs_dir", "tracking_uri", "mlflow_experiment"))  # else taken from the environment they are run in
LONGEST = 10  # list of commands on a page
MOST_SETTINGS = 50  # whose configs a page waits for: to compose one takes Hydra .1 s
Combination = Mapping[str, object]


class TrainingCommands:
    """The commands for runs of one study.

    Args:
        program: the words that start a run.
        configs: where the options lie.
        name: of the study.
        train: what else its commands say, see ``Study``.
        trained: runs of the study: what their commands said beside the study's own keys, others have to say, too.
    """

    def __init__(self, program: str, configs: Configs, name: str, train: str = "", trained: Sequence[Run] = ()):
        self._configs = configs
        self._trained = trained
        experiment = f"experiment={name}" if configs.has("experiment", name) and not train else f"study={name}"
        self._start = f"{configs.command(program)} -m "
        self._words = [experiment, *shlex.split(train)]
        self._composed: dict[tuple[str, ...], dict[str, str]] = {}
        # Of thousands of combinations few differ in options, and of thousands of runs one counts for each.
        self._latest: dict[tuple[str, ...], dict[tuple[str, ...], Run]] = {}
        self._untold: dict[tuple[Any, ...], tuple[str, ...]] = {}

    @property
    def whole(self) -> str:
        """The command of the study as such."""
        return self._start + shlex.join(self._words)

    def of(self, combinations: Sequence[Combination]) -> list[str]:
        """The fewest sweeps found that train these combinations and no other."""
        by_extras: dict[tuple[str, ...], list[Combination]] = {}
        for combination in combinations:
            options = self._options(combination)
            known = (*options.items(), *combination)
            if known not in self._untold:
                self._untold[known] = self._extras(options, combination)
            by_extras.setdefault(self._untold[known], []).append(combination)
        return [
            self._start + shlex.join([*self._words, *self._overrides(box), *extras])
            for extras, alike in by_extras.items()
            for box in boxes(alike)
        ]

    def of_missing(self, missing: Sequence[Combination], tuning_seeds: Sequence[int]) -> list[str]:
        """The runs that choose the learning rates come first.

        Raises:
            ConfigError: an option isn't there that a command would name.
        """
        self._refuse_unknown(missing)
        tuning = [one for one in missing if one["seed"] in tuning_seeds]
        return self.of(tuning) + self.of([one for one in missing if one["seed"] not in tuning_seeds])

    def of_study(self, study: Study, missing: str) -> list[str]:
        """All of a study, for a page; by the command that prints them where these are long or follow one another."""
        if study.tuning_seeds:
            return [f"{missing}  # the runs that choose the learning rates", f"{missing}  # those at the chosen ones"]
        planned = list(planned_runs(study))
        if len({tuple(self._options(one).items()) for one in planned}) > MOST_SETTINGS:
            return [missing]
        commands = self.of(planned)
        return commands if len(commands) <= LONGEST else [missing]

    def _refuse_unknown(self, combinations: Sequence[Combination]) -> None:
        for group in GROUPS:
            for name in sorted({str(one[group]) for one in combinations if group in one}):
                if not self._configs.has(group, self._option(group, name)):
                    raise ConfigError(
                        f"{group}={name}: no option of the group has this name; --config-dir DIR names the folder of "
                        "your own options"
                    )

    def _overrides(self, box: Mapping[str, Sequence[object]]) -> Iterator[str]:
        for key, values in box.items():
            if values == ("",):
                continue  # a key of other options
            options = [self._option(key, str(one)) for one in values] if key in GROUPS else values
            yield override(key, options)

    def _option(self, group: str, name: str) -> str:
        """The option of a part; where a run or the experiment gave it another name, that of the same ``_target_``."""
        run = self._latest_of({group: name})
        part = run.params if run else self._experiment
        named = run is not None or part.get(f"{group}.name") == name
        return self._configs.option(group, name, part.get(f"{group}._target_", "") if named else "")

    @staticmethod
    def _options(combination: Combination) -> dict[str, str]:
        return {group: str(combination[group]) for group in GROUPS if group in combination}

    def _latest_of(self, options: Mapping[str, str]) -> Run | None:
        """The latest run with these options."""
        groups = tuple(options)
        if groups not in self._latest:
            self._latest[groups] = {tuple(value(run, group) for group in groups): run for run in self._trained}
        return self._latest[groups].get(tuple(options.values()))

    @cached_property
    def _experiment(self) -> dict[str, str]:
        return self._compose(())

    def _extras(self, options: Mapping[str, str], keys: Iterable[str]) -> tuple[str, ...]:
        """What the latest run of the same options was told, and a command that tells these keys would not tell."""
        latest = self._latest_of(options)
        if latest is None:
            return ()
        words = tuple(override(group, [self._option(group, name)]) for group, name in options.items())
        default = self._compose(words)
        others = tuple(
            override(group, [self._option(group, name)])
            for group in ("dataset", "model", "loss", "optimizer")
            if group not in options and (name := value(latest, group)) != default.get(f"{group}.name", name)
        )
        composed = self._compose((*words, *others))
        told = {
            key: text
            for key, text in latest.params.items()
            if composed
            and text != composed.get(key)
            and key not in {*keys, *PLACES, "study", "seed", "threads"}
            and not any(word.startswith(f"{key}=") for word in self._words)
            and not (key == "dataset.split_seed" and text == latest.params["seed"])
        }
        return (*others, *_words_of(told, composed))

    def _compose(self, words: tuple[str, ...]) -> dict[str, str]:
        if words not in self._composed:
            experiment = [word for word in self._words if "," not in word]  # the rest is swept over
            try:
                self._composed[words] = flat(self._configs.compose([*experiment, *words]))
            except ConfigError:  # as when dataset.path is not given: the run says what it was
                self._composed[words] = {}
        return self._composed[words]


def _words_of(told: Mapping[str, str], composed: Mapping[str, str]) -> Iterator[str]:
    """As it is typed, what was told beside a composed config, both flat.

    A key that a part does not have yet is added; callbacks and metrics by name need no ``+`` for that. A mapping where
    the config has one value, such as a schedule in place of ``constant``, is told whole. Keys that no config has any
    more are left out.
    """
    mappings: dict[str, dict[str, str]] = {}
    for key, text in sorted(told.items()):
        first, _, rest = key.partition(".")
        if rest and first in composed:
            mappings.setdefault(first, {})[rest] = text
        elif first in PARTS_BY_NAME or any(one == key or one.startswith(f"{key}.") for one in composed):
            yield override(key, [text])
        elif first in GROUPS:
            yield override(f"+{key}", [text])
    for key, content in mappings.items():
        yield override_by_mapping(key, content)


def boxes(combinations: Sequence[Combination]) -> list[dict[str, tuple[object, ...]]]:
    """Combinations that agree in all keys but one, as one box over it; then so are boxes, key by key."""
    merged: list[dict[str, tuple[object, ...]]]
    merged = [{key: (one,) for key, one in combination.items()} for combination in combinations]
    for key in reversed(list(combinations[0]) if combinations else []):
        alike: dict[tuple[object, ...], dict[str, tuple[object, ...]]] = {}
        for box in merged:
            others = tuple(values for other, values in box.items() if other != key)
            if others in alike:
                alike[others][key] += box[key]
            else:
                alike[others] = dict(box)
        merged = list(alike.values())
    return merged
