"""Our losses as conf/loss has them, so that the tests of every loss take up a new one by themselves."""

from functools import partial
from pathlib import Path

from hydra.utils import get_class
from omegaconf import OmegaConf

from tests.conftest import ROOT


def _of_ours():
    for path in sorted(Path(ROOT, "conf", "loss").glob("*.yaml")):
        options = OmegaConf.to_container(OmegaConf.load(path))
        target = options.pop("_target_")
        if target.startswith("ce_harness."):
            options.pop("label")
            yield path.stem, partial(get_class(target), **options)


# Name -> makes the loss; options given replace those of the config.
LOSSES = dict(_of_ours())
# The classes behind them, once each.
CLASSES = sorted({make.func for make in LOSSES.values()}, key=lambda loss: loss.__name__)
