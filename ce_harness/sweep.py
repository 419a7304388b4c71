"""Cells of a sweep: each is on its own, and what became of them is told at the end."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from ce_harness.journal import write_durably
from ce_harness.refusals import explain


def run_cell(hydra: DictConfig, job: Callable[[], str]) -> None:
    """Runs one cell; whatever goes wrong in it is written down and ends only this cell.

    Args:
        hydra: Hydra's own config of the cell.
        job: does the work, returns a line for the user.
    """
    exit_code, details = 0, ""
    try:
        line = job()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a user's model may even call sys.exit
        known = explain(error)
        exit_code = known.exit_code if known else 1
        line = str(known or f"{type(error).__name__}: {error}")
        details = traceback.format_exc()
    overrides = " ".join(hydra.overrides.task)
    print(f"[{hydra.job.num}] {line if exit_code == 0 else f'{overrides}: {line}'}", flush=True)
    result = {"overrides": overrides, "exit_code": exit_code, "message": line, "traceback": details}
    folder = _cells(hydra.sweep.dir)
    folder.mkdir(parents=True, exist_ok=True)
    write_durably(folder / f"{hydra.job.num:06d}.json", json.dumps(result, indent=1).encode())


def _cells(sweep_dir: str) -> Path:
    return Path(sweep_dir) / "cells"


class Summary(Callback):
    """Hydra's callback at the end of a sweep: counts the cells, tabulates the failures, sets the exit code."""

    exit_code: ClassVar[int] = 0

    def on_multirun_end(self, config: DictConfig, **kwargs) -> None:
        results = [json.loads(path.read_text()) for path in sorted(_cells(config.hydra.sweep.dir).glob("*.json"))]
        failed = [result for result in results if result["exit_code"]]
        console = Console(stderr=True)
        if failed:
            table = Table("exit", "reason", "repeat with", title="Failed cells")
            for result in failed:
                table.add_row(str(result["exit_code"]), result["message"], f"python run.py {result['overrides']}")
            console.print(table)
        console.print(f"{len(results) - len(failed)} of {len(results)} cells complete", highlight=False)
        Summary.exit_code = max((result["exit_code"] for result in failed), default=0)
