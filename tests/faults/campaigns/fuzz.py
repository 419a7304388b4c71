"""Random inputs, thousands of each kind, for the properties that the suite tries on forty."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import strategies as st

from tests.cli import test_command_line_fuzz
from tests.config import test_config_fuzz
from tests.datasets import test_data_fuzz
from tests.faults.campaign import Campaign, Outcome
from tests.faults.children import at_once, command
from tests.losses import test_loss_fuzz
from tests.metrics import test_metric_fuzz
from tests.report.evidence import test_row_fuzz
from tests.report.output import test_names
from tests.rundir import test_record_fuzz

INPUTS = 8000  # for each test, unless it is slow
INPUTS_OF_A_SEED = 500

Test = Callable[..., Any]  # decorated by hypothesis
Given = Callable[[], dict[str, Any]]  # makes what pytest would give it


class Folder:
    """In the place of pytest's ``tmp_path_factory``."""

    def getbasetemp(self) -> Path:
        path = Path(tempfile.gettempdir()) / f"fuzz-{os.getpid()}"
        path.mkdir(exist_ok=True)
        return path


def tried(test: Any, given: Given, seed: int) -> list[Outcome]:
    """A test on the inputs of a seed, the same each time; in a process of its own, since it changes the test."""
    calls, inner = 0, test.hypothesis.inner_test

    def counted(*args: Any, **kwargs: Any) -> None:
        nonlocal calls
        calls += 1
        inner(*args, **kwargs)

    counted.__name__, counted.__qualname__ = inner.__name__, inner.__qualname__
    test.hypothesis.inner_test = counted
    settings = hypothesis.settings(
        max_examples=INPUTS_OF_A_SEED, deadline=None, derandomize=False, database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    wrong: tuple[str, ...] = ()
    try:
        hypothesis.seed(seed)(settings(test))(**given())
    except Exception as error:
        wrong = (repr(error),)
    finally:
        shutil.rmtree(Folder().getbasetemp())
    return [Outcome(f"{test.__name__}, seed {seed}", wrong), *[Outcome(test.__name__)] * (calls - 1)]


def all_seeds(tests: Sequence[tuple[Test, Given]], inputs: int, every: int) -> Iterator[Outcome]:
    """Every n-th seed of each test."""
    shares = [(test, given, seed) for test, given in tests for seed in range(inputs // INPUTS_OF_A_SEED)]
    for outcomes in at_once(lambda number: tried(*shares[number]), range(0, len(shares), every)):
        yield from outcomes


def campaign(trouble: str, tests: dict[Test, Given], inputs: int = INPUTS) -> Campaign:
    return Campaign(trouble, partial(all_seeds, tuple(tests.items()), inputs))


@hypothesis.given(st.lists(test_command_line_fuzz.WORDS, max_size=4))
def whole_command(words: list[str]) -> None:
    """``run.py`` with these words shows a config, or refuses in one line; with -m it would begin to train."""
    end = command("run.py", ["--cfg", "job", *(word for word in words if word not in ("-m", "--multirun"))])
    errors = [line for line in end.said.splitlines() if line.startswith("error: ")]
    assert end.code == 0 or (end.code in (2, 3) and len(errors) == 1), (words, end)
    assert "Traceback" not in end.said, (words, end)


def nothing() -> dict[str, Any]:
    return {}


def folder() -> dict[str, Any]:
    return {"tmp_path_factory": Folder()}


def journal() -> dict[str, Any]:
    return {"journal": test_record_fuzz.a_journal(Folder().getbasetemp())}


def report() -> dict[str, Any]:
    return {"report": test_row_fuzz.a_report(Folder().getbasetemp())}


def of_loss(name: str) -> Given:
    return lambda: {"name": name}


def losses(every: int) -> Iterator[Outcome]:
    """Each loss by its formula."""
    test = test_loss_fuzz.test_float32_is_the_formula_in_float64_but_for_rounding
    return all_seeds([(test, of_loss(name)) for name in test_loss_fuzz.LOSSES], INPUTS // 4, every)


OF_METRICS = (
    test_metric_fuzz.test_metrics_are_scikit_learns,
    test_metric_fuzz.test_calibration_errors_keep_their_bounds,
    test_metric_fuzz.test_no_temperature_is_better_than_the_fitted_one,
    test_metric_fuzz.test_anything_else_is_refused_and_nothing_scores_nan,
)
OF_NAMES = (
    test_names.test_csv_holds_no_formula_and_a_line_per_row,
    test_names.test_rows_read_back_are_the_names_as_far_as_they_can_be_printed,
    test_names.test_markdown_shows_the_name_and_nothing_else,
    test_names.test_a_terminal_gets_no_escapes,
)
OF_RECORDS = {
    test_record_fuzz.test_whatever_is_recorded_is_read_again: folder,
    test_record_fuzz.test_a_damaged_journal: journal,
}
OF_ROWS = (test_row_fuzz.test_damaged_rows, test_row_fuzz.test_rows_whose_checksums_were_made_anew)
CAMPAIGNS = {
    "fuzz_words": campaign(
        "random command lines, as they are read", {test_command_line_fuzz.test_words: nothing}, 2 * INPUTS
    ),
    "fuzz_commands": campaign("random command lines, answered", {whole_command: nothing}, INPUTS // 4),
    "fuzz_configs": campaign("configs with a random slip", {test_config_fuzz.test_a_slip: nothing}),
    "fuzz_npz": campaign("npz files damaged at random", {test_data_fuzz.test_an_npz_file: folder}),
    "fuzz_idx": campaign("IDX files damaged at random", {test_data_fuzz.test_an_idx_file: folder}, 2 * INPUTS),
    "fuzz_images": campaign("images damaged at random", {test_data_fuzz.test_an_image: folder}, 2 * INPUTS),
    "fuzz_records": campaign("random records, and journals damaged at random", OF_RECORDS),
    "fuzz_rows": campaign("rows of a report damaged at random", dict.fromkeys(OF_ROWS, report), INPUTS // 4),
    "fuzz_names": campaign("odd names in CSV, Markdown, on a terminal", dict.fromkeys(OF_NAMES, nothing), INPUTS // 4),
    "fuzz_losses": Campaign("losses and gradients of random logits against float64", losses),
    "fuzz_metrics": campaign("metrics of random logits against scikit-learn", dict.fromkeys(OF_METRICS, nothing)),
}
