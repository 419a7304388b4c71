"""Trains: one run, or with -m a sweep. See README.md; ``python run.py --help`` lists the options."""

import hydra
from omegaconf import DictConfig

from ce_harness.cli import run


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> None:
    run.run_job(config)


if __name__ == "__main__":
    run.run(main)
