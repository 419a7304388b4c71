"""Which code a run depends on: an edit trains again what it concerns, and nothing else."""

import inspect
import json
import os
import shutil
import subprocess
import sys

import pytest

from ce_harness.config import code_digest, code_digests, modules, sources
from ce_harness.errors import ConfigError
from tests.conftest import ROOT

ALL = ("softmax_ce", "focal", "builtin_ce")
# what, file, old text, new text, and the digests of each run that it changes
EDITS = [
    ("a comment", "losses/alternatives.py", "class Focal", "# a comment\nclass Focal", {}),
    ("a docstring", "losses/alternatives.py", '"""', '"""Other words. ', {}),
    ("another layout", "datasets/cifar.py", "import numpy", "# a comment\nimport numpy", {}),
    (
        "an expression",
        "losses/alternatives.py",
        "rest**self.gamma",
        "rest**self.gamma * 2",
        {"focal": {"loss_code"}},
    ),
    (
        "a class beside",
        "losses/alternatives.py",
        "class Focal",
        "class New: ...\nclass Focal",
        {"focal": {"loss_code"}},
    ),
    ("a new loss", "losses/another.py", "", "SCALE = 2", {}),
    ("what no loss imports", "losses/layer.py", "from", "import math\nfrom", {}),
    ("a file of the loop", "training/another.py", "", "SCALE = 2", {loss: {"harness_digest"} for loss in ALL}),
    ("the report", "report/build.py", "import", "import math\nimport", {}),
]

# Prints, for each edit of the copy of ce_harness in the current folder, the digests of three runs.
SHOW = """
import json, sys
from hydra import compose, initialize_config_dir
from ce_harness.config import code_digest, code_digests, modules, sources
from ce_harness.places import PACKAGE, conf

with initialize_config_dir(str(conf()), version_base="1.3"):
    configs = {loss: compose("config", [f"loss={loss}"]) for loss in ("softmax_ce", "focal", "builtin_ce")}

def show():
    forget()
    print(json.dumps({loss: code_digests(c) | {"code_digest": code_digest(c)} for loss, c in configs.items()}))

show()
for _, name, old, new in json.load(sys.stdin):
    file = PACKAGE / name
    text = file.read_text() if file.exists() else ""
    assert old in text, name
    file.write_text(text.replace(old, new, 1))
    show()
    file.write_text(text) if text else file.unlink()
"""


def forget():
    """Each digest is as if it were the first of a process."""
    for module in (sources, modules):
        for name in dir(module):
            if hasattr(getattr(module, name), "cache_clear"):
                getattr(module, name).cache_clear()
    sources._read.clear()
    sources._unconfirmed.clear()


@pytest.fixture(scope="module")
def digests(tmp_path_factory):
    """The digests before any edit, and after each."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("ce_harness", "conf"):
        shutil.copytree(f"{ROOT}/{name}", folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shown = subprocess.run(
        [sys.executable, "-c", inspect.getsource(forget) + SHOW],
        input=json.dumps([edit[:-1] for edit in EDITS]),
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    assert shown.stderr == ""
    before, *after = map(json.loads, shown.stdout.splitlines())
    return before, dict(zip((what for what, *_ in EDITS), after, strict=True))


@pytest.mark.parametrize(("what", "expected"), [(what, expected) for what, *_, expected in EDITS])
def test_an_edit_of_ours_concerns_the_runs_that_use_it(digests, what, expected):
    before, after = digests[0], digests[1][what]
    changed = {loss: {name for name in of if of[name] != before[loss][name]} for loss, of in after.items()}
    assert changed == {loss: expected[loss] | {"code_digest"} if loss in expected else set() for loss in ALL}


def test_a_part_of_keras_is_told_by_its_version(composed):
    assert code_digests(composed("loss=builtin_ce"))["loss_code"] == code_digests(composed())["optimizer_code"]


def test_a_source_that_is_edited_between_reading_and_importing_is_refused(composed, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source = tmp_path / "loss_in_work.py"
    source.write_text("SCALE = 1\n")
    config = composed("loss._target_=loss_in_work.Loss")
    forget()
    first = code_digest(config)
    source.write_text("SCALE = 1  # a comment\n")
    sources.refuse_edited()
    forget()
    assert code_digest(config) == first
    source.write_text("SCALE = 2\n")
    with pytest.raises(ConfigError, match=r"loss_in_work\.py: it was edited while this run began"):
        sources.refuse_edited()


def test_the_code_of_a_users_own_part_is_part_of_the_digest(composed, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("first_loss", "second_loss"):
        (tmp_path / f"{name}.py").write_text(f"{name} = 1\n")
    digests = [code_digest(composed(f"loss._target_={name}.Loss")) for name in ("first_loss", "second_loss")]
    assert len({*digests, code_digest(composed())}) == 3


@pytest.mark.parametrize(
    ("imports", "file", "counts"),
    [
        ("import helper", "helper.py", True),
        ("def part():\n    from helper import scale", "helper.py", True),
        ("import package.inner.helper", "package/inner/helper.py", True),
        ("from package import inner", "package/inner/__init__.py", True),
        ("from .inner.helper import scale", "package/inner/helper.py", True),
        ("from . import sibling", "package/sibling.py", True),
        ("import between", "helper.py", True),  # which between imports
        ("", "package/__init__.py", True),  # Python runs it first
        ("import numpy, keras, os, not_there\nfrom .... import beyond", "helper.py", False),
        ("import helper", "README.md", False),
        ("import installed", "site-packages/installed.py", False),
    ],
)
def test_the_own_modules_that_it_imports_are_part_of_the_digest_too(
    composed, tmp_path, monkeypatch, imports, file, counts
):
    for folder in (tmp_path, tmp_path / "site-packages"):
        monkeypatch.syspath_prepend(folder)
    for name in ("__init__", "inner/__init__", "inner/helper", "sibling"):
        (tmp_path / "package" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "package" / f"{name}.py").touch()
    for name in ("helper.py", "README.md", "site-packages/installed.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "between.py").write_text("import between, helper")
    (tmp_path / "package" / "part.py").write_text(imports)
    config, digests = composed("loss._target_=package.part.Loss"), []
    for content in ("", "edited = True"):
        (tmp_path / file).write_text(content)
        forget()  # each digest is a process's first
        digests.append(code_digest(config))
    assert (digests[0] != digests[1]) == counts
