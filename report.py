"""Makes the tables, figures and verdicts of a study: see README.md; ``python report.py --help`` lists the studies."""

from ce_harness.cli import commands

if __name__ == "__main__":
    commands.report()
