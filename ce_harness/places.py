"""Where the configs and studies that come with ce_harness lie: beside it in a checkout, within it if installed."""

from pathlib import Path

PACKAGE = Path(__file__).parent
RESULTS = "results"  # the folder of reports, by default; a page there is over them all


def is_installed() -> bool:
    """Whether this is an installed copy, as from a wheel, and not a checkout."""
    return (PACKAGE / "conf").is_dir()


def conf() -> Path:
    """The folder of the configs, ``conf/``."""
    return (PACKAGE if is_installed() else PACKAGE.parent) / "conf"


def studies() -> Path:
    """The folder of the studies, ``experiments/``."""
    return (PACKAGE if is_installed() else PACKAGE.parent) / "experiments"


def run_command() -> str:
    """The words that start a run: ``python run.py`` for who stands in a checkout, else ``ce-run``."""
    return "python run.py" if _is_checkout(Path.cwd()) else "ce-run"


def report_command() -> str:
    """The words that start a report: ``python report.py`` for who stands in a checkout, else ``ce-report``."""
    return "python report.py" if _is_checkout(Path.cwd()) else "ce-report"


def _is_checkout(folder: Path) -> bool:
    return folder == PACKAGE.parent and not is_installed()
