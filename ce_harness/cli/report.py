"""Make the tables, figures and verdicts of a study, or of losses that were trained without one.

A study is one that comes with ce_harness, by its name, or a file of your own, by its path.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ce_harness import places
from ce_harness.cli import studies
from ce_harness.cli.own_folder import take_in
from ce_harness.errors import INTERRUPTED, ConfigError, HarnessError
from ce_harness.passwords import without_passwords
from ce_harness.startup import loading

if TYPE_CHECKING:
    from ce_harness.report.evidence.run import Run
    from ce_harness.report.study import Study


def main(argv: list[str] | None = None) -> int:
    """Makes the report; turns every way it can end into at most one line and the contract's exit code."""
    args = _parser().parse_args(argv)
    try:
        _report(args)
    except HarnessError as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        print(error.line, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted: the report that was there is unchanged", file=sys.stderr)
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, studies.names()))
    listed = "\n".join(f"  {name:{width}}  {question}" for name, question in studies.questions().items())
    parser = argparse.ArgumentParser(
        description=__doc__,
        prog=places.report_command(),
        epilog=f"studies:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("study", nargs="?", metavar="STUDY", help="a file of your own, or one of those below")
    what.add_argument("--losses", type=_losses, metavar="A,B", help="compare losses without a study file")
    parser.add_argument(
        "--study",
        dest="tracked_as",
        default="single_runs",
        metavar="NAME",
        help="with --losses: the study the runs were trained under (default: %(default)s)",
    )
    parser.add_argument(
        "--tunes",
        type=_keys,
        metavar="KEY,KEY",
        help="with --losses: each loss is compared at its best values of these (default: learning_rate)",
    )
    parser.add_argument("--config-dir", type=Path, metavar="DIR", help="where your own configs lie, as for a run")
    parser.add_argument(
        "--tracking-uri",
        metavar="URI",
        help="the MLflow store with the runs (default: that of the config, which takes MLFLOW_TRACKING_URI if set)",
    )
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        type=_choice,
        metavar="KEY=VALUE",
        help="read these runs alone; may be repeated, as in --where epochs=30 --where optimizer=sgd",
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="DIR",
        help="rebuild from the rows in an earlier report, without MLflow",
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
    parser.add_argument(
        "--runs-csv", type=Path, metavar="FILE", help="write every tracked run of the study, and make no report"
    )
    parser.add_argument("--slides", action="store_true", help="figures for slides: larger text, and more pixels")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where the report goes (default: results/STUDY)")
    return parser


def _losses(text: str) -> list[str]:
    losses = text.split(",")
    if len(losses) < 2 or len(set(losses)) < len(losses) or not all(re.fullmatch(r"\w[\w.-]*", x) for x in losses):
        raise argparse.ArgumentTypeError(f"{text!r}: different losses are compared, as in softmax_ce,mse")
    return losses


def _keys(text: str) -> list[str]:
    return text.split(",")


def _choice(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: not of the form KEY=VALUE, as in epochs=30")
    return key, value


def _report(args: argparse.Namespace) -> None:
    job = _job(args)
    if job.study.reads is None:
        if args.missing:
            return  # such a study lacks nothing
        if args.source or args.where or args.runs_csv:
            raise ConfigError(f"study {job.name!r} reads no runs: give no --from, --where or --runs-csv")
        _build(job, None, {"report": job.command})
    elif args.source:
        if args.where or args.missing or args.runs_csv or args.mix:
            raise ConfigError("--from takes the rows as they are: give no --where, --missing, --mix or --runs-csv")
        from ce_harness.report.evidence import rows

        row_files, commands = rows.read(args.source)
        _build(job, row_files, {"report": job.command, "folder": str(args.source)} | commands)
    else:
        _from_the_store(job, args)


@dataclass(frozen=True)
class Job:
    """What is to be reported.

    Attributes:
        name: of the report.
        tracked_as: the study that the runs are tagged with.
        path: the file of the study.
        output: where the report goes.
        command: the words that ask for it.
        losses: those to compare where there is no study file.
        slides: whether the figures are for slides.
    """

    name: str
    tracked_as: str
    study: Study
    path: Path
    output: Path
    command: str
    losses: Sequence[str] = ()
    slides: bool = False


def _job(args: argparse.Namespace) -> Job:
    if args.config_dir:
        take_in(args.config_dir)
    options = f" --config-dir {shlex.quote(str(args.config_dir))}" if args.config_dir else ""
    options += " --slides" if args.slides else ""
    if args.study:
        if args.tunes:
            raise ConfigError(f"--tunes goes with --losses; what {args.study} tunes stands in its file")
        file = studies.find(args.study)
        command = f"{places.report_command()} {shlex.quote(args.study)}{options}"
        output = args.output or file.output
        return Job(file.name, file.name, file.load(), file.path, output, command, slides=args.slides)
    with loading():
        from ce_harness.report import any_losses
        from ce_harness.report.study import TUNES

    name = "_vs_".join(args.losses)
    if args.tracked_as != "single_runs":
        options = f" --study {args.tracked_as}{options}"
    if args.tunes:
        options = f" --tunes {','.join(args.tunes)}{options}"
    command = f"{places.report_command()} --losses {','.join(args.losses)}{options}"
    study = any_losses.study(args.losses, tunes=args.tunes or TUNES)
    path = Path(any_losses.__file__)
    output = args.output or Path(places.RESULTS, name)
    return Job(name, args.tracked_as, study, path, output, command, args.losses, args.slides)


def _kept_there(tracking_uri: str | None) -> str:
    """What has the runs tracked where this command reads them; a password is not printed: the environment has it."""
    if tracking_uri is None or without_passwords(tracking_uri) != tracking_uri:
        return ""
    from ce_harness.cli.composing import override

    return f" {shlex.quote(override('tracking_uri', [tracking_uri]))}"


def _from_the_store(job: Job, args: argparse.Namespace) -> None:
    with loading():
        from ce_harness.cli.composing import Configs
        from ce_harness.cli.training_commands import TrainingCommands
        from ce_harness.config import code_digests
        from ce_harness.report import any_losses, build
        from ce_harness.report.evidence import rows, selection
        from ce_harness.tracking import reading  # the only need for MLflow: a report from rows does without

    configs = Configs(args.config_dir)
    config = configs.compose()
    uri = args.tracking_uri or config.tracking_uri
    code_now = code_digests(config)["harness_digest"]
    runs: Sequence[Run] = reading.read_runs(uri, job.tracked_as, must_exist=not args.missing)
    if args.runs_csv:
        if args.where or args.missing or args.mix:
            raise ConfigError("--runs-csv writes all runs as they are: give no --where, --missing or --mix")
        rows.write_all(runs, args.runs_csv)
        print(f"{len(runs)} runs  {args.runs_csv}")
        return
    if job.losses:
        program = configs.command(places.run_command())
        runs = any_losses.of_losses(runs, job.losses, job.tracked_as, program)
        job = replace(job, study=any_losses.study(job.losses, runs, job.study.tunes))
    wanted: dict[str, list[str]] = {}
    for key, value in args.where:
        wanted.setdefault(key, []).append(value)
    reads = selection.chosen(job.study.reads or {}, wanted, runs)
    claims = tuple(one for one in job.study.claims if {one.first, one.second} <= set(reads["loss"]))
    study = replace(job.study, reads=reads, claims=claims)
    job = replace(job, study=study)
    added = "" if job.losses else study.train
    commands = TrainingCommands(places.run_command(), configs, job.tracked_as, added, runs)
    if args.missing:
        lacking = selection.survey(runs, study, job.tracked_as, args.mix, code_now).missing
        for line in commands.of_missing(lacking, study.tuning_seeds):
            print(f"{line}{_kept_there(args.tracking_uri)}")
        return
    command = " ".join([job.command, *(shlex.quote(f"--where={key}={value}") for key, value in args.where)])
    missing = f"{command} --missing | sh"
    all_of_it = commands.of_study(study, missing)
    if job.losses:
        train = f"{commands.whole} {any_losses.study(job.losses).train}"
    else:
        train = all_of_it[0] if len(all_of_it) == 1 else missing
    row_files = build.rows_of(runs, job.tracked_as, study, job.path, train, args.mix, code_now)
    del runs, commands  # of thousands of runs, hundreds of MB
    _build(job, row_files, {"train": all_of_it, "report": command})

    from ce_harness.tracking.report_note import note_report

    note_report(uri, job.tracked_as, job.output.resolve())


def _build(job: Job, row_files: Mapping[str, bytes] | None, again: Mapping[str, Any]) -> None:
    with loading():
        from ce_harness.report import build
        from ce_harness.report.output import overview, style, terminal

    output, look = job.output.resolve(), style.slides if job.slides else style.paper
    report = build.build(job.name, job.study, job.path, row_files, output, again, look)
    terminal.show(job.study, report, output)
    if overview.is_over(output):
        overview.write(output.parent)


if __name__ == "__main__":
    sys.exit(main())
