"""Random inputs, thousands of each kind, for the properties that the suite tries on forty."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis

from tests.cli import test_command_line_fuzz
from tests.config import test_config_fuzz
from tests.datasets import test_data_fuzz
from tests.faults.campaign import Campaign, Outcome
from tests.losses import test_loss_fuzz
from tests.metrics import test_metric_fuzz
from tests.rundir import test_record_fuzz

INPUTS = 8000


class Folder:
    """In the place of pytest's ``tmp_path_factory``."""

    def getbasetemp(self) -> Path:
        path = Path(tempfile.gettempdir()) / f"fuzz-{os.getpid()}"
        path.mkdir(exist_ok=True)
        return path


def tried(test: Callable[..., Any], inputs: int, given: dict[str, Any], every: int) -> Iterator[Outcome]:
    """A test of hypothesis on so many inputs; their seed is derived from the test, so they are the same each time."""
    calls, inner = 0, test.hypothesis.inner_test

    def counted(*args: Any, **kwargs: Any) -> None:
        nonlocal calls
        calls += 1
        inner(*args, **kwargs)

    counted.__name__, counted.__qualname__ = inner.__name__, inner.__qualname__
    test.hypothesis.inner_test = counted
    settings = hypothesis.settings(
        max_examples=inputs // every, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    wrong: tuple[str, ...] = ()
    try:
        settings(test)(**given)
    except BaseException as error:
        wrong = (repr(error),)
    finally:
        test.hypothesis.inner_test = inner
    yield Outcome(test.__name__, wrong)
    yield from (Outcome(test.__name__) for _ in range(calls - 1))


def of_several(tests: dict[Callable[..., Any], dict[str, Any]], every: int) -> Iterator[Outcome]:
    for test, given in tests.items():
        yield from tried(test, INPUTS, given, every)


def of_losses(every: int) -> Iterator[Outcome]:
    """Each loss by each of its formulas; TensorFlow makes these slow, so a quarter of the inputs."""
    for name in test_loss_fuzz.LOSSES:
        given = {"name": name}
        test = test_loss_fuzz.test_float32_is_the_formula_in_float64_but_for_rounding
        yield from tried(test, INPUTS // 4, given, every)


def campaign(trouble: str, *tests: Callable[..., Any], **given: Any) -> Campaign:
    return Campaign(trouble, partial(of_several, dict.fromkeys(tests, given)))


FOLDER: dict[str, Any] = {"tmp_path_factory": Folder()}
CAMPAIGNS = {
    "fuzz_words": campaign("random command lines", test_command_line_fuzz.test_words),
    "fuzz_configs": campaign("configs with a random slip", test_config_fuzz.test_a_slip),
    "fuzz_npz": campaign("npz files damaged at random", test_data_fuzz.test_an_npz_file, **FOLDER),
    "fuzz_idx": campaign("IDX files damaged at random", test_data_fuzz.test_an_idx_file, **FOLDER),
    "fuzz_images": campaign("images damaged at random", test_data_fuzz.test_an_image, **FOLDER),
    "fuzz_records": campaign("random records", test_record_fuzz.test_whatever_is_recorded_is_read_again, **FOLDER),
    "fuzz_losses": Campaign("losses and gradients of random logits against float64", of_losses),
    "fuzz_metrics": campaign(
        "metrics of random logits against scikit-learn",
        test_metric_fuzz.test_metrics_are_scikit_learns,
        test_metric_fuzz.test_anything_else_is_refused_and_nothing_scores_nan,
    ),
}
