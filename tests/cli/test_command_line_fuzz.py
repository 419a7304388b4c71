"""Words typed at random: Hydra can read what comes through, and all else is refused in one line.

More inputs: pytest tests/cli/test_command_line_fuzz.py --hypothesis-profile long
"""

from hypothesis import given
from hypothesis import strategies as st

from ce_harness.cli import arguments, overrides
from ce_harness.errors import ConfigError
from tests.refusals import in_one_line

KEYS = [
    "seed",
    "loss",
    "model.dropout",
    "dataset.path",
    "+model.x",
    "++seed",
    "~seed",
    "hydra.verbose",
    "callbacks",
    "x",
]
VALUES = [
    "0",
    "mse",
    "0,1",
    "range(0,3)",
    "glob(*)",
    "choice(a,b)",
    "{a: 1}",
    "[1,2]",
    "'a b'",
    "${seed}",
    "a=b",
    "a(b",
]
FLAGS = ["-m", "--cfg", "job", "-p", "--config-dir=x", "--experimental-rerun=x", "--multirun", "--resolve", "--hlp"]
ODD = st.text(alphabet="=(),#'\"~${}[]\\:;*%@ \n\t\x1bé日-+a1", max_size=8)
WORDS = st.one_of(
    ODD,
    st.sampled_from(FLAGS),
    st.builds("{}={}".format, st.sampled_from(KEYS), st.sampled_from(VALUES) | ODD),
    st.builds("{}{}={}".format, ODD, st.sampled_from(KEYS), ODD),
)


@given(st.lists(WORDS, max_size=4))
def test_words(words):
    try:
        passed_on = arguments.prepared(words)
    except ConfigError as error:
        in_one_line(error)
        return
    except SystemExit:  # of --version
        return
    if not any(word.startswith("-") for word in words):  # else some may be a flag's value
        for word in passed_on:
            overrides.parsed(word)
