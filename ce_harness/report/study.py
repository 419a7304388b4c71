"""What a study is: one file in experiments/ that ends in ``STUDY = Study(...)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Evidence:
    """What the tables and figures of a study are made from; all frames are empty for a study that reads no runs.

    Attributes:
        runs: one row per run: identity (name, dataset, model, loss, optimizer, seed, learning_rate, ...),
            final metrics (``test/accuracy``, ...) and the scalars derived from its series.
        epochs: one row per (run, epoch): ``run``, ``epoch`` and the per-epoch metrics.
        steps: one row per (run, step): ``run``, ``step``, ``loss`` and ``grad_norm/*``, thinned for storage.
        excluded: one row per run that was left out: ``run`` and ``reason``.
    """

    runs: pd.DataFrame = field(default_factory=pd.DataFrame)
    epochs: pd.DataFrame = field(default_factory=pd.DataFrame)
    steps: pd.DataFrame = field(default_factory=pd.DataFrame)
    excluded: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class Table:
    """A table in two forms: ``frame`` holds full-precision numbers (CSV), ``shown`` what a reader sees.

    Attributes:
        title: the caption.
        frame: the numbers.
        shown: the strings for Markdown, LaTeX and the page; None shows ``frame`` itself.
        notes: lines under the table.
    """

    title: str
    frame: pd.DataFrame
    shown: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    """A question, the runs that answer it, and what is made of them.

    Attributes:
        question: one sentence.
        reads_runs: whether the study reads the tracked runs whose ``study`` is this file's name.
        tables: file name -> function of the evidence.
        figures: file name -> function of the evidence.
    """

    question: str
    tables: Mapping[str, Callable[[Evidence], Table]]
    figures: Mapping[str, Callable[[Evidence], Figure]] = field(default_factory=dict)
    reads_runs: bool = False
