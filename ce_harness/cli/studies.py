"""Finding a study: one that comes with ce_harness by its name, one of the user's own by the path of its file."""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import pkgutil
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ce_harness import places
from ce_harness.errors import ConfigError
from ce_harness.printable import reason

if TYPE_CHECKING:
    from ce_harness.report.study import Study

PACKAGE = "ce_harness.experiments"  # wherever their folder lies


@dataclass(frozen=True)
class StudyFile:
    """Where a study is written down.

    Attributes:
        name: of the study, and the tag of its runs.
        path: the file; the ``__init__.py`` of a study that is a folder.
        is_own: whether it is the user's, and none that comes with ce_harness.
    """

    name: str
    path: Path
    is_own: bool

    @property
    def folder(self) -> Path:
        """Where the study lies."""
        return self.path.parent.parent if self.path.name == "__init__.py" else self.path.parent

    @property
    def output(self) -> Path:
        """Where its report goes unless told otherwise."""
        return (self.folder if self.is_own else Path.cwd()) / "results" / self.name

    def load(self) -> Study:
        """The study, after its file has been run.

        Raises:
            ConfigError: the file can't be run, or makes no study.
        """
        try:
            module = _run(self)
        except (Exception, SystemExit) as error:
            raise ConfigError(f"{self.path} can't be run ({type(error).__name__}: {reason(error)})") from error
        from ce_harness.report.study import Study

        study = getattr(module, "STUDY", None)
        if not isinstance(study, Study):
            raise ConfigError(f"{self.path}: it makes no study; end it with STUDY = Study(...)")
        return study


def find(what: str) -> StudyFile:
    """The study of a name, or of a path: what ends in ``.py`` or holds a slash is a path.

    Raises:
        ConfigError: there is none.
    """
    if what.endswith(".py") or "/" in what:
        path = Path(what).absolute()
        if path.is_dir():
            path /= "__init__.py"
        if not path.is_file():
            raise ConfigError(f"{what}: there is no such file")
        return StudyFile(path.parent.name if path.name == "__init__.py" else path.stem, path, is_own=True)
    if what not in names():
        near = difflib.get_close_matches(what, names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names())}"
        own = f"; a study of your own is named by its file, {what}.py" if Path(f"{what}.py").is_file() else ""
        raise ConfigError(f"no study {what!r} comes with ce_harness; {hint}{own}")
    path = places.studies() / f"{what}.py"
    return StudyFile(what, path if path.exists() else places.studies() / what / "__init__.py", is_own=False)


def names() -> list[str]:
    """The studies that come with ce_harness."""
    return sorted(module.name for module in pkgutil.iter_modules([str(places.studies())]))


def questions() -> dict[str, str]:
    """The question of each study that comes with ce_harness, read from its file, which is not run."""
    return {name: _question(find(name).path) for name in names()}


def _question(path: Path) -> str:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.keyword) and node.arg == "question" and isinstance(node.value, ast.Constant):
            return str(node.value.value)
    return ""


def _run(study: StudyFile) -> ModuleType:
    """Runs a study's file. One of the user's own as Python runs a script: its folder is the first on the path."""
    if study.is_own:
        sys.path.insert(0, str(study.path.parent))
        return _load("__study__", study.path)
    if PACKAGE not in sys.modules:
        _load(PACKAGE, places.studies() / "__init__.py")
    return importlib.import_module(f"{PACKAGE}.{study.name}")


def _load(name: str, path: Path) -> ModuleType:
    folder = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folder)
    assert spec is not None
    assert spec.loader is not None  # there is one for every file that ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
