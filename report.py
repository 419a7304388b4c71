"""Make the tables, figures and verdicts of a study, experiments/NAME.py, from its tracked runs."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import pkgutil
import sys
from pathlib import Path

import experiments
from ce_harness.errors import INTERRUPTED, ConfigError, HarnessError


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    try:
        _report(args)
    except HarnessError as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted: the report that was there is unchanged", file=sys.stderr)
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", metavar="NAME", help=f"one of: {', '.join(_studies())}")
    parser.add_argument(
        "--tracking-uri",
        default=f"sqlite:///{Path.cwd() / 'runs' / 'mlflow.db'}",
        help="the MLflow store with the runs (default: %(default)s)",
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="DIR",
        help="rebuild from the rows in an earlier report, without MLflow",
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="where the report goes (default: results/NAME)")
    return parser


def _studies() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(experiments.__path__))


def _report(args: argparse.Namespace) -> None:
    known = _studies()
    if args.study not in known:
        near = difflib.get_close_matches(args.study, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        raise ConfigError(f"no study {args.study!r} in experiments/; {hint}")
    module = importlib.import_module(f"experiments.{args.study}")
    study, study_file = module.STUDY, Path(module.__file__)

    # After the name is checked: what follows imports pandas and Matplotlib.
    from ce_harness.report import build, rows, terminal

    output = (args.output or Path("results") / args.study).resolve()
    texts = None
    if study.reads:
        if args.source:
            texts = rows.read(args.source / build.ROWS)
        else:
            texts = build.rows_from_store(args.study, study, study_file, args.tracking_uri)
    made = build.build(args.study, study, study_file, texts, output)
    terminal.show(study, made, output)


if __name__ == "__main__":
    sys.exit(main())
