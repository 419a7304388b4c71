"""Make the tables, figures and verdicts of a study, experiments/NAME.py, or of two losses from tracked runs."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import pkgutil
import re
import sys
from pathlib import Path

import experiments
from ce_harness.errors import INTERRUPTED, ConfigError, HarnessError
from ce_harness.startup import loading


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
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("name", nargs="?", metavar="NAME", help=f"a study, one of: {', '.join(_studies())}")
    what.add_argument("--losses", type=_two, metavar="A,B", help="compare two losses without a study file")
    parser.add_argument(
        "--study",
        default="single_runs",
        metavar="STUDY",
        help="with --losses: the study the runs were trained under (default: %(default)s)",
    )
    parser.add_argument(
        "--tracking-uri",
        default=f"sqlite:///{Path.cwd() / 'runs' / 'mlflow.db'}",
        help="the MLflow store with the runs (default: %(default)s)",
    )
    origin = parser.add_mutually_exclusive_group()
    origin.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="DIR",
        help="rebuild from the rows in an earlier report, without MLflow",
    )
    origin.add_argument(
        "--adding",
        type=Path,
        metavar="DIR",
        help="read the runs in the rows of an earlier report beside those of the store",
    )
    parser.add_argument(
        "--mix",
        action="store_true",
        help="compare runs of other code or other data, too, which are left out otherwise; the report names them",
    )
    parser.add_argument(
        "--missing",
        action="store_true",
        help="print the commands that train the runs the study still lacks, and make no report",
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="where the report goes (default: results/NAME)")
    return parser


def _two(text: str) -> list[str]:
    losses = text.split(",")
    if len(set(losses)) != 2 or len(losses) != 2 or not all(re.fullmatch(r"\w[\w.-]*", loss) for loss in losses):
        raise argparse.ArgumentTypeError(f"{text!r}: two different losses are compared, as in softmax_ce,mse")
    return losses


def _studies() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(experiments.__path__))


def _report(args: argparse.Namespace) -> None:
    if args.name:
        _check(args.name)
    # After the name is checked: what follows imports pandas, SciPy and Matplotlib.
    with loading():
        from ce_harness.report import build, two_losses
        from ce_harness.report.evidence import earlier, rows
        from ce_harness.report.output import terminal

    if args.name:
        name, module = args.name, importlib.import_module(f"experiments.{args.name}")
        study = module.STUDY
    else:
        name, module = "_vs_".join(args.losses), two_losses
        study = two_losses.study(*args.losses)
    if args.missing and not study.reads:
        return  # such a study lacks nothing
    if (args.source or args.adding) and not study.reads:
        raise ConfigError(f"study {name!r} reads no runs, it measures anew each time: leave out --from and --adding")
    study_file = Path(module.__file__)
    row_files = None
    if args.source:
        row_files = rows.read(args.source)
    elif study.reads:
        with loading():
            from ce_harness.tracking import reading  # the only need for MLflow: a report from rows does without

        runs = reading.read_runs(args.tracking_uri, args.name or args.study, must_exist=not args.missing)
        added = earlier.read(args.adding, name) if args.adding else {}
        runs += earlier.runs_of(added, runs)
        if args.losses:
            runs = two_losses.of_losses(runs, args.losses, args.study)
            study = two_losses.study(*args.losses, runs)
        if args.missing:
            terminal.show_missing(study, args.name or args.study, runs, args.mix)
            return
        row_files = build.rows_of(runs, args.name or args.study, study, study_file, added, args.mix)
        del runs  # of thousands of runs, hundreds of MB
    output = (args.output or Path("results") / name).resolve()
    made = build.build(name, study, study_file, row_files, output)
    if study.reads and not args.source:
        from ce_harness.tracking.report_note import note_report

        note_report(args.tracking_uri, args.name or args.study, output)
    terminal.show(study, made, output)


def _check(name: str) -> None:
    known = _studies()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        raise ConfigError(f"no study {name!r} in experiments/; {hint}")


if __name__ == "__main__":
    sys.exit(main())
