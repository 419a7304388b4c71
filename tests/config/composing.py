"""The whole config as a mapping, composed once without TensorFlow."""

import os
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from tests.conftest import ROOT


def whole_config() -> dict[str, Any]:
    GlobalHydra.instance().clear()
    with initialize_config_dir(os.path.join(ROOT, "conf"), version_base="1.3"):
        return OmegaConf.to_container(compose("config"), resolve=True)
