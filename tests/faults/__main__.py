"""Carries campaigns out and writes their rows to results/reliability/ (``make test-faults``: all of them, hours).

python -m tests.faults [NAME ...]      these campaigns; other rows of the table stay
python -m tests.faults --sample        a few places of some campaigns; nothing is written
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from ce_harness.report.output import formats, publish
from ce_harness.report.study import Table
from tests.conftest import ROOT
from tests.faults import children, shim
from tests.faults.campaigns import CAMPAIGNS

RESULTS = Path(ROOT) / "results" / "reliability"


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CAMPAIGNS)}; default: all")
    parser.add_argument("--sample", action="store_true", help="a few places of some campaigns, as CI does")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="try every n-th place alone")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="DIR")
    args = parser.parse_args()
    unknown = set(args.names) - set(CAMPAIGNS)
    if unknown:
        parser.error(f"{', '.join(unknown)}: allowed is {', '.join(CAMPAIGNS)}")
    if not args.sample:
        publish.refuse_strangers(args.output.resolve())
    children.warm_up()
    rows = {}
    for name in args.names or CAMPAIGNS:
        campaign = CAMPAIGNS[name]
        if args.sample and campaign.sample is None:
            continue
        rows[name] = campaign.row(campaign.sample if args.sample and campaign.sample else args.every, tell=_tell)
        print(rows[name], flush=True)
        if not args.sample:
            _publish(rows, args.output)
    return int(any(row["tried"] == 0 or row["survived"] < row["tried"] for row in rows.values()))


def _tell(line: str) -> None:
    print(line, flush=True)


def _publish(rows: dict[str, dict[str, Any]], folder: Path) -> None:
    """These rows, and those that the table had of other campaigns."""
    file = folder / "campaigns.csv"
    earlier = pd.read_csv(file).set_index("campaign").to_dict("index") if file.exists() else {}
    of_now = {name: {**earlier, **rows}.get(name) for name in CAMPAIGNS}
    frame = pd.DataFrame([{"campaign": name, **row} for name, row in of_now.items() if row])
    table = Table(
        "What was done to runs, sweeps, stores and reports, and what was left after one more call",
        frame,
        notes=(
            "Survived: the next call ends as that of an undisturbed run, and leaves the same files, records, points "
            "and weights in every bit; before it, at most one line of error and its exit code.",
            "Minutes on a shared machine of two cores. `make test-faults` makes this table again.",
        ),
    )
    publish.write(publish.table_files({"campaigns": table}), {"benchmark": "reliability"}, folder.resolve())
    print(formats.markdown(table), flush=True)


if __name__ == "__main__":
    shim.begin_again_below_the_shim()
    sys.exit(main())
