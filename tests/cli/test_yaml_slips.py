"""Slips in a YAML file of the user's own: one line that names the file, and never a traceback."""

import pytest
from hydra.types import RunMode

from ce_harness.cli.composing import Configs
from ce_harness.cli.composition import CheckedConfigLoader
from ce_harness.config import checked, config_hash
from ce_harness.config.error_messages import explain
from ce_harness.errors import ConfigError
from ce_harness.unofficial.hydra import create_config_search_path
from tests.refusals import in_one_line

SLIPS = {
    b"_target_: keras.losses.Huber\n\tdelta: 1.0\n": r"mine\.yaml, line 2: it can't be read \(found character",
    b"_target_: 'keras.losses.Huber\n": r"mine\.yaml, line 2: it can't be read \(found unexpected end of stream",
    b"_target_: keras.losses.Huber\n_target_: x\n": r"mine\.yaml, line 2: it can't be read \(found duplicate key",
    b"_target_: *x\n": r"mine\.yaml, line 1: it can't be read \(found undefined alias",
    b"_target_: !!python/name:os.system ''\n": r"mine\.yaml, line 1: it can't be read \(could not determine",
    b"_target_: x\n---\n_target_: x\n": r"mine\.yaml, line 2: it can't be read \(but found another document",
    b"_target_: \x00\n": r"mine\.yaml: it can't be read \(special characters are not allowed\); mend it",
    b"_target_: caf\xe9\n": r"a YAML file of this command: it can't be read \('utf-8' codec can't decode byte 0xe9",
    b"5\n": r"a YAML file of this command: it can't be read \(Invalid loaded object type: int\); mend it",
    b"defaults: 5\n": r"it can't be read \(Invalid defaults list in 'loss/mine', defaults must be a list",
    b"defaults: [mine]\n": r"it can't be read \(its defaults list leads back to it\); mend it",
    b"_target_: keras.losses.Huber\n1: 2\n": "the config holds more than text, numbers, lists and mappings of words",
    b"_target_: keras.losses.Huber\nlabel: {a: 1}\n": "loss.label=.*: allowed is a text, which reports show; for",
    b"_target_: keras.losses.Huber\ndelta: ${nope}\n": "Interpolation key 'nope' not found",
    b"_target_: keras.losses.Huber\ndelta: ${s[eed}\n": r"the config of loss=mine can't be composed \(\w+\)",
}


@pytest.mark.parametrize("content", SLIPS)
def test_a_slip_is_told_in_one_line(tmp_path, content):
    (tmp_path / "loss").mkdir()
    (tmp_path / "loss" / "mine.yaml").write_bytes(content)
    try:
        config_hash(checked(Configs(tmp_path).compose(["loss=mine"])))
    except Exception as error:
        told = explain(error)
    in_one_line(told)
    with pytest.raises(ConfigError, match=SLIPS[content]):
        raise told


def test_a_run_is_told_so_too(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 0\nseed: 1\n")
    loader = CheckedConfigLoader(create_config_search_path(str(tmp_path)))
    with pytest.raises(ConfigError, match=r"config\.yaml, line 2: it can't be read \(found duplicate key seed\)"):
        loader.load_configuration("config", [], RunMode.RUN)


def test_a_report_names_the_file(tmp_path):
    (tmp_path / "loss").mkdir()
    (tmp_path / "loss" / "mine.yaml").write_bytes(b"5\n")
    with pytest.raises(ConfigError, match=r"loss/mine\.yaml: it can't be read \(Invalid loaded object type: int\)"):
        Configs(tmp_path).has("loss", "mine")
