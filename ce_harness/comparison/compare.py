"""``compare(losses=["softmax_ce", "mse"])``: from Python what ``ce-run -m`` and ``ce-report`` do in a terminal."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from ce_harness.comparison.arrays import check, words_for
from ce_harness.comparison.result import Comparison
from ce_harness.comparison.sweep_process import train
from ce_harness.comparison.words import Options, seed_numbers, values_tried, word, word_for
from ce_harness.config.identity import NOT_IDENTITY
from ce_harness.errors import ConfigError
from ce_harness.report.study import TUNES
from ce_harness.startup import prepare


def compare(
    losses: Sequence[object],
    dataset: object = None,
    model: object = "lenet5",
    seeds: int | Iterable[int] = 10,
    *,
    optimizer: object = "sgd",
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    x_test: ArrayLike | None = None,
    y_test: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    tunes: Mapping[str, Sequence[object] | Mapping[str, Sequence[object]]] | None = None,
    runs_dir: str | Path = "runs",
    overrides: Sequence[str] = (),
    **keys: object,
) -> Comparison:
    """Trains a network with each loss and every seed, and says which claims the runs support.

    Runs of equal seed start from the same weights and see the same batches, so losses are compared pair by pair. The
    runs train side by side in processes of their own. A run that is complete is not trained again; one that was
    interrupted goes on where it stopped.

    A part of your own is a class or function in a module beside the notebook or script. Give the class, its name
    (``"my_loss.Tempered"``), or a mapping with its arguments (``{"_target_": "my_loss.Tempered", "t": 2.0}``).

    Args:
        losses: two or more options of the group ``loss``, or losses of your own.
        dataset: an option of the group ``dataset`` (default: digits), or a function of your own; with ``x`` what the
            arrays are called (default: arrays).
        model: an option of the group ``model``, or a function of your own.
        seeds: how many, or which.
        optimizer: an option of the group ``optimizer``, or a class.
        x: images of shape (N, H, W) or (N, H, W, C), uint8 or floating point.
        y: integer class ids from 0, of shape (N,).
        x_test: images of a test set of its own; without it, a part of ``x`` is the test set.
        y_test: their class ids.
        class_names: with ``x``, what the class ids are called.
        tunes: values of keys to try, ``{"learning_rate": [0.03, 0.3], "optimizer.momentum": [0, 0.9]}``: every
            combination is trained, and each loss compared at the one that is best on validation. Where losses have
            values of their own, a mapping: ``{"loss.t": {"tempered": [2, 3]}}``.
        runs_dir: where runs and arrays are kept.
        overrides: further words as typed in a terminal, ``["optimizer=adam"]``.
        **keys: any key of the config: ``epochs=5``, ``**{"optimizer.momentum": 0.5}``.

    Returns:
        Tables as data frames, verdicts, figures; shows itself in a notebook.

    Raises:
        ConfigError: an argument is wrong.
        DataError: images or labels are.
        HarnessError: a run failed, or too few are left to compare.
    """
    if isinstance(losses, str) or len(set(map(repr, losses))) < max(2, len(losses)):
        raise ConfigError(f"losses={losses!r}: allowed is a list of two losses or more, each once")
    prepare()
    folder = Path(runs_dir).absolute()
    numbers = seed_numbers(seeds)
    options = Options(folder / "options")
    names = [options.name("loss", loss) for loss in losses]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"losses: two are called {name}; give one a name: {{'_target_': ..., 'name': ...}}")
    words = [f"{group}={options.name(group, part)}" for group, part in (("model", model), ("optimizer", optimizer))]
    if x is None:
        words.append(f"dataset={options.name('dataset', dataset or 'digits')}")
    else:
        given = {"x": x, "y": y, "x_test": x_test, "y_test": y_test, "class_names": class_names}
        arrays = {role: np.asarray(one) for role, one in given.items() if one is not None}
        check(arrays, keys, overrides)
        words += words_for(arrays, dataset or "arrays", folder / "arrays")
    study = str(keys.pop("study", ""))
    words += [*(word_for(key, value) for key, value in keys.items()), *overrides]
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)  # losses of equal values to try, by these
    for name in names:
        alike[values_tried(tunes or {}, name)].append(name)
    # Calls that differ in losses, seeds and what is kept are of one study: their runs are compared with one another.
    said = [one for one in words if one.partition("=")[0] not in NOT_IDENTITY]
    asked = " ".join([*said, *dict.fromkeys(chain(*alike))]).replace(str(folder), "")
    study = study or f"compare_{hashlib.sha256(asked.encode()).hexdigest()[:8]}"
    flags = [f"--config-dir={options.folder}"] if options.folder.is_dir() else []
    words += [f"study={study}", f"runs_dir={word(folder)}", f"seed={','.join(map(str, numbers))}"]
    for tried, of_these in alike.items():
        train([*flags, *words, *tried, f"loss={','.join(of_these)}"], " / ".join(of_these))
    uri = str(keys.get("tracking_uri") or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder}/mlflow.db")
    return Comparison.of_tracked(uri, study, names, numbers, tuple(tunes or TUNES))
