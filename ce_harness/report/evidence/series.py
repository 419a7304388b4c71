"""The series of many runs at once: read from their artifacts, thinned and stacked.

Thousands of small files are parsed as one: a data frame per file would cost more than its content.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from io import BytesIO
from itertools import pairwise

import numpy as np
import pandas as pd

from ce_harness.report.evidence.run import Run

# Groups of steps, and of epochs for the bins of p_true, kept of a run. Their bounds are spaced geometrically, so that
# early ones stay apart.
KEPT_STEPS = 40
KEPT_EPOCHS = 8
RUNS_AT_ONCE = 500  # bounds the memory for reading


def read(runs: Sequence[Run], names: Sequence[str]) -> tuple[dict[str, pd.DataFrame], list[float]]:
    """``epochs``, ``steps``, ``gradient_bins``, ``reliability`` and ``confusion`` of the runs, one under the other.

    Args:
        names: of the runs, for the column ``run``.

    Returns:
        (frames, mean global gradient norm over the first epoch of each run).
    """
    # Where only some were scored within epochs, all are compared at the ends of epochs: a target is crossed alike.
    within_epochs = len({run.params.get("evaluate_every", "None") for run in runs}) == 1
    parts, early = [], []
    for start in range(0, len(runs), RUNS_AT_ONCE):
        some = slice(start, start + RUNS_AT_ONCE)
        frames, norms = _read(runs[some], names[some], within_epochs)
        parts.append(frames)
        early += norms
    kinds = list(parts[0]) if parts else []
    # Taken out of the parts, so that no more than one kind is in memory twice.
    return {kind: _under_one_another([frames.pop(kind) for frames in parts]) for kind in kinds}, early


def _read(
    runs: Sequence[Run], names: Sequence[str], within_epochs: bool
) -> tuple[dict[str, pd.DataFrame], list[float]]:
    epochs = _tables(runs, names, "epochs.csv")
    per_epoch = epochs.groupby("run", sort=False, observed=True)["step"].first()
    parts: dict[tuple[str, ...], list[tuple[str, np.ndarray, np.ndarray]]] = {}
    early = []
    for run, name, steps_per_epoch in zip(runs, names, per_epoch.reindex(names), strict=True):
        with np.load(BytesIO(run.content("steps.npz")), allow_pickle=False) as content:
            columns, values = tuple(content["columns"].tolist()), content["values"].astype(np.float64)
        first_epoch = values[: int(steps_per_epoch), columns.index("grad_norm/global")]
        known = first_epoch[~np.isnan(first_epoch)]
        early.append(float(known.mean()) if len(known) else np.nan)
        parts.setdefault(columns, []).append((name, *thin(values)))
    frames = {
        "epochs": _with_evaluations(epochs, runs, names, per_epoch) if within_epochs else epochs,
        "steps": _stacked(parts, names),
        "gradient_bins": pooled(_tables(runs, names, "gradient_bins.csv")),
        "reliability": _tables(runs, names, "reliability.csv"),
        "confusion": _confusion(runs, names),
    }
    return frames, early


def _confusion(runs: Sequence[Run], names: Sequence[str]) -> pd.DataFrame:
    """The confusion matrices as rows, without zeros: of many classes most pairs never occur."""
    owners, true, predicted, counts = [], [], [], []
    for i, run in enumerate(runs):
        try:
            content = run.content("confusion_matrix.csv")
        except OSError:  # a run of an earlier version
            continue
        matrix = pd.read_csv(BytesIO(content), dtype={"class": str}, keep_default_na=False)
        classes, cells = matrix["class"].to_numpy(), matrix.iloc[:, -len(matrix) :].to_numpy()
        rows, columns = cells.nonzero()
        owners += [i] * len(rows)
        true += classes[rows].tolist()
        predicted += classes[columns].tolist()
        counts += cells[rows, columns].tolist()
    owner = pd.Categorical.from_codes(owners, names)
    return pd.DataFrame({"run": owner, "class": true, "predicted": predicted, "count": counts})


def _with_evaluations(
    epochs: pd.DataFrame, runs: Sequence[Run], names: Sequence[str], steps_per_epoch: pd.Series
) -> pd.DataFrame:
    """The epochs, with the evaluations within them as rows of their own, at fractions of an epoch."""
    if runs[0].params.get("evaluate_every", "None") == "None":
        return epochs
    within = _tables(runs, names, "evaluations.csv")
    within["run"] = within["run"].cat.set_categories(names)
    within["epoch"] = within["step"] / within["run"].map(steps_per_epoch).astype(float)
    frame = _in_order([epochs, within[within["epoch"] % 1 > 0]])
    return frame.sort_values("epoch", kind="stable").sort_values("run", kind="stable", ignore_index=True)


def _tables(runs: Sequence[Run], names: Sequence[str], file: str) -> pd.DataFrame:
    """A CSV file of every run, parsed together with all others of the same header."""
    bodies: dict[bytes, list[tuple[int, bytes]]] = {}
    for i, run in enumerate(runs):
        header, _, body = run.content(file).replace(b"\r\n", b"\n").partition(b"\n")
        bodies.setdefault(header, []).append((i, body if body.endswith(b"\n") else body + b"\n"))
    frames = []
    for header, parts in bodies.items():
        frame = pd.read_csv(BytesIO(header + b"\n" + b"".join(body for _, body in parts)))
        owners = np.repeat([i for i, _ in parts], [body.count(b"\n") for _, body in parts])
        frame.insert(0, "run", pd.Categorical.from_codes(owners, names))
        frames.append(frame)
    return _in_order(frames)


def _stacked(
    parts: dict[tuple[str, ...], list[tuple[str, np.ndarray, np.ndarray]]], names: Sequence[str]
) -> pd.DataFrame:
    position = {name: i for i, name in enumerate(names)}
    frames = []
    for columns, of_runs in parts.items():
        frame = pd.DataFrame(np.concatenate([means for *_, means in of_runs]), columns=columns)
        frame.insert(0, "step", np.concatenate([last for _, last, _ in of_runs]))
        owners = np.repeat([position[name] for name, *_ in of_runs], [len(last) for _, last, _ in of_runs])
        frame.insert(0, "run", pd.Categorical.from_codes(owners, names))
        frames.append(frame)
    return _in_order(frames)


def _under_one_another(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    if len(frames) == 1:
        return frames[0]
    runs = pd.api.types.union_categoricals([frame.pop("run") for frame in frames])
    frame = pd.concat(frames, ignore_index=True)
    frame.insert(0, "run", runs)
    return frame


def _in_order(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    frame = pd.concat(frames, ignore_index=True)
    return frame.iloc[np.argsort(frame["run"].cat.codes, kind="stable")].reset_index(drop=True)


def thin(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over at most ``KEPT_STEPS`` groups of steps.

    Args:
        values: shape (steps, columns).

    Returns:
        (last step of each group, counted from 1, of shape (groups,); means of shape (groups, columns)).
    """
    last, sizes = _groups(len(values), KEPT_STEPS)
    return last, _means(values, last - sizes)


def _means(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Means over the groups that begin at these rows; a step without norms, skipped by a scaled loss, is NaN."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.add.reduceat(np.where(known, values, 0.0), starts) / np.add.reduceat(known.astype(float), starts)


def pooled(bins: pd.DataFrame) -> pd.DataFrame:
    """Bins of p_true over at most ``KEPT_EPOCHS`` groups of epochs; ``epoch`` is the last of its group.

    Bins without an example are left out.

    Args:
        bins: for each run the same bins for each of the epochs 1, 2, ..., in order.
    """
    run, bins_epoch = bins["run"].cat.codes.to_numpy(), bins["epoch"].to_numpy()
    count = bins["count"].to_numpy()
    columns = [column for column in ("mean_norm", "mean_true_class_gradient") if column in bins]
    sums_of = {column: count * bins[column].fillna(0).to_numpy() for column in columns}
    starts = np.append(np.flatnonzero(np.diff(run, prepend=-1)), len(bins))
    first_rows, epoch = [], []
    counts: list[np.ndarray] = []
    totals: dict[str, list[np.ndarray]] = {column: [] for column in columns}
    for start, end in pairwise(starts):
        width = np.count_nonzero(bins_epoch[start:end] == bins_epoch[start])
        last, sizes = _groups((end - start) // width, KEPT_EPOCHS)
        for sums, values in ((counts, count), *((totals[column], sums_of[column]) for column in columns)):
            sums.append(np.add.reduceat(values[start:end].reshape(-1, width), last - sizes).ravel())
        epoch.append(np.repeat(last, width))
        first_rows.append(np.tile(np.arange(start, start + width), len(last)))
    count = np.concatenate(counts)
    full = count > 0
    frame = bins.iloc[np.concatenate(first_rows)[full]][["run", "p_low", "p_high"]].reset_index(drop=True)
    frame.insert(1, "epoch", np.concatenate(epoch)[full])
    means = {column: np.concatenate(sums)[full] / count[full] for column, sums in totals.items()}
    return frame.assign(count=count[full], **means)


@lru_cache(maxsize=64)  # most runs of a study have equally many steps
def _groups(length: int, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """The last member, counted from 1, and the size of each group."""
    last = np.unique(np.geomspace(1, length, groups).round().astype(int))
    return last, np.diff(last, prepend=0)
