"""Measures the harness itself on this machine, and writes the tables to results/.

python -m benchmarks speed         how fast it is, how exact its cross-entropy    40 minutes    -> results/benchmark/
python -m benchmarks scale         what 10,000 runs or 25,000 images cost         10 minutes    -> results/scale/
python -m benchmarks peers         the same sweep in PyTorch and JAX              2 minutes     -> results/peers/
python -m benchmarks survival      does a killed run end the same                 3 minutes     -> results/survival/
python -m benchmarks repeat        does a run trained again give the same bits    1 hour        -> results/repeat/
python -m benchmarks edges         would wider grids have chosen other rates      1 hour        -> results/edges/
python -m benchmarks simulations   do tests and intervals hold their level        10 minutes    -> results/simulations/
python -m benchmarks determinism   which operations are exact on this device      2 minutes     -> results/determinism/
python -m benchmarks endurance     do 5,000 runs in one worker stay as cheap      2 hours       -> results/endurance/
python -m benchmarks licences      whose work the harness stands on                1 second      -> results/licences/
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path

from ce_harness.errors import HarnessError
from ce_harness.report.output import formats, overview, publish
from ce_harness.report.study import Table

BENCHMARKS = (
    "speed",
    "scale",
    "peers",
    "survival",
    "repeat",
    "edges",
    "simulations",
    "determinism",
    "endurance",
    "licences",
)
FOLDERS = {"speed": "benchmark"}  # in results/, where it has another name


def main() -> None:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--output", type=Path, metavar="DIR", help="where the tables go (default: in results/)")
    shared.add_argument("--only", metavar="TABLE", help="measure this table alone; others in the folder stay")
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, formatter_class=formatter)
    benchmarks = parser.add_subparsers(dest="benchmark", required=True, metavar="|".join(BENCHMARKS))
    for name in BENCHMARKS:
        options = benchmarks.add_parser(name, parents=[shared])
        if name == "endurance":
            options.add_argument("--runs", type=int, metavar="N", help="how many (default: 5,000)")
        if name == "repeat":
            options.add_argument("--share", type=float, metavar="X", help="of each study's runs (default: 0.05)")
            options.add_argument("--fingerprint", default="", metavar="TEXT", help="draw runs that have it alone")
    args = parser.parse_args()
    tables = import_module(f"benchmarks.{args.benchmark}").TABLES
    if args.benchmark == "repeat":
        tables = {name: partial(measure, args.share, args.fingerprint) for name, measure in tables.items()}
    elif args.benchmark == "endurance":
        tables = {name: partial(measure, args.runs) for name, measure in tables.items()}
    if args.only and args.only not in tables:
        parser.error(f"--only {args.only}: allowed is one of {', '.join(tables)}")
    output = args.output or Path("results") / FOLDERS.get(args.benchmark, args.benchmark)
    folder = output.resolve()
    publish.refuse_strangers(folder)
    made = _measured({args.only: tables[args.only]} if args.only else tables)
    earlier = [path for path in output.glob("*") if args.only and path.name != publish.MARKER]
    files = {path.name: path.read_bytes() for path in earlier} | publish.table_files(made)
    publish.write(files, {"benchmark": args.benchmark}, folder)
    if overview.is_over(folder):
        overview.write(folder.parent)
    print(f"tables  {output}/*.md (.csv, .tex)")


def _measured(tables: Mapping[str, Callable[[], Table]]) -> dict[str, Table]:
    """Each table, printed as soon as it is there."""
    made = {}
    for name, measure in tables.items():
        made[name] = measure()
        print(formats.markdown(made[name]), flush=True)
    return made


if __name__ == "__main__":
    try:
        main()
    except HarnessError as error:
        print(error.line, file=sys.stderr)
        sys.exit(error.exit_code)
