"""Ctrl-C at the moments at which Python would show a traceback, or make another error of it."""

import signal
import subprocess
import sys
from contextlib import nullcontext

import pytest

from ce_harness.interrupts import held_back, unblock
from ce_harness.unofficial.joblib import block_interrupts


@pytest.fixture(autouse=True)
def heard_by_python():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def imported(reached, inner=nullcontext):
    with held_back():
        with inner():
            signal.raise_signal(signal.SIGINT)
        reached.append("the end of the import")


@pytest.mark.parametrize("inner", [nullcontext, held_back])
def test_what_comes_while_it_is_held_back_is_heard_afterwards(inner):
    reached = []
    with pytest.raises(KeyboardInterrupt):
        imported(reached, inner)
    assert reached


def test_what_is_ignored_stays_so():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    imported([])
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


WAITS = """
import signal, sys, time
from ce_harness import interrupts
interrupts.not_lost_in_destructors()
signal.signal(signal.SIGINT, interrupts.heard_once if "worker" in sys.argv else signal.default_int_handler)

class Interrupted:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

try:
    Interrupted()
    time.sleep(60)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("process", ["command", "worker"])
def test_ctrl_c_in_a_destructor_is_heard_and_shows_nothing(process):
    ended = subprocess.run([sys.executable, "-c", WAITS, process], capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stderr) == (130, "")


def test_other_errors_of_destructors_are_shown():
    raises = WAITS.replace("signal.raise_signal(signal.SIGINT)", "1 / 0").replace("time.sleep(60)", "")
    ended = subprocess.run([sys.executable, "-c", raises, "command"], capture_output=True, text=True, timeout=30)
    assert ended.returncode == 0
    assert "ZeroDivisionError" in ended.stderr


def blocked_here():
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    unblock()
    return blocked, signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.skipif(sys.platform == "win32", reason="a process inherits no signals there")
def test_a_worker_starts_with_ctrl_c_blocked_until_it_can_answer():
    loky = pytest.importorskip("joblib.externals.loky")
    block_interrupts()
    with loky.ProcessPoolExecutor(1) as workers:
        blocked, left = workers.submit(blocked_here).result()
    assert signal.SIGINT in blocked
    assert signal.SIGINT not in left
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
