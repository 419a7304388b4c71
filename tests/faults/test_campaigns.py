"""A few places of the campaigns, as CI tries them: two to three core-minutes."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the shim is of Linux's C library")
@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc builds the shim")
def test_a_sample_of_the_campaigns_is_survived():
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    program = [sys.executable, "-m", "tests.faults", "--sample"]
    sample = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert sample.returncode == 0, sample.stdout + sample.stderr[-2000:]
