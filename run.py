"""Trains: one run, or with -m a sweep. See README.md; ``python run.py --help`` lists the options."""

from ce_harness.cli.commands import run

run()
