"""What a command prints of an error: its message, and the page that explains more."""

import pytest

from ce_harness.errors import PAGES, ConfigError, DataError, DivergedError, HarnessError
from ce_harness.report.evidence.rows import DamagedRowsError
from tests.prose import ROOT


@pytest.mark.parametrize(
    ("error", "details"),
    [
        (ConfigError("loss=msee: there is no such option"), "; details: docs/extending.md"),
        (ConfigError("+model.depth=2: it is not taken"), "; details: docs/extending.md"),
        (ConfigError("hydra/launcher=slurm: Submitit is not installed"), "; details: docs/sweeps.md"),
        (ConfigError("seed=-1: allowed is a whole number"), ""),
        (ConfigError("losses.yaml: it can't be read"), ""),
        (DataError("mine.npz holds a single array"), "; details: docs/data.md"),
        (DataError("model.weights: the SHA-256 is another"), "; details: docs/keras.md"),
        (DamagedRowsError("the rows in runs.csv are damaged"), "; details: docs/reliability.md"),
        (DivergedError("step 2: loss inf"), "; details: docs/faq.md"),
    ],
)
def test_an_error_names_the_page_that_explains_it(error, details):
    assert error.line == f"error: {error}{details}"


def test_every_page_is_there_and_speaks_of_what_it_is_named_for():
    for page, words in PAGES.items():
        text = (ROOT / page).read_text()
        named = [word.rpartition(".")[2] for word in words]
        assert [word for word in named if word not in text] == [], page
    assert [kind for kind in HarnessError.__subclasses__() if kind.page and not (ROOT / kind.page).is_file()] == []
