"""Configs with a slip at a random place: a run that has a name, or a refusal in one line, and never anything else.

More inputs: pytest tests/config --hypothesis-profile long
"""

import copy

from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from ce_harness.config import checked, code_digest, config_hash, run_name
from ce_harness.errors import ConfigError
from tests.config.composing import whole_config
from tests.refusals import in_one_line

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["auto", "null", "sqlite:///x", "keras.losses.MSE", "ce_harness.losses.Focal", "???", "é", "/"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "_target_", "name", "x"]), inner),
    max_leaves=3,
)


def paths(values, prefix=()):
    """Every key of a config, groups included."""
    for key, value in values.items():
        yield (*prefix, key)
        if isinstance(value, dict):
            yield from paths(value, (*prefix, key))


WHOLE = whole_config()
PATHS = sorted(paths(WHOLE))


@given(st.sampled_from(PATHS), st.sampled_from(["set", "remove", "add"]), VALUES, st.text(max_size=6))
def test_a_slip(path, how, value, new_key):
    values = copy.deepcopy(WHOLE)
    place = values
    for key in path[:-1]:
        place = place[key]
    if how == "remove":
        del place[path[-1]]
    else:
        place[path[-1] if how == "set" else new_key] = value
    try:
        config = checked(OmegaConf.create(values))
        assert run_name(config)
        assert len(config_hash(config)) == len(code_digest(config)) == 12
    except ConfigError as error:
        in_one_line(error)
