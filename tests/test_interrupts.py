"""Ctrl-C at the moments at which Python would show a traceback, or make another error of it."""

import os
import signal
import sys

import pytest

from ce_harness.interrupts import INTERRUPTS, hear_again, held_back
from ce_harness.unofficial.joblib import hold_interrupts_back

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows holds no signal back")


@pytest.fixture(autouse=True)
def heard_by_python():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_what_comes_while_it_is_held_back_is_heard_afterwards():
    reached = []

    def imports():
        with held_back():
            os.kill(os.getpid(), signal.SIGINT)
            reached.append("their end")

    with pytest.raises(KeyboardInterrupt):
        imports()
    assert reached


def test_held_back_twice_it_is_heard_after_both():
    with held_back():
        with held_back():
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            hear_again()


def held_back_here():
    held = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    hear_again()
    return held, signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.skipif(sys.platform == "win32", reason="a process inherits no signals there")
def test_a_worker_starts_with_ctrl_c_held_back_until_it_can_answer():
    loky = pytest.importorskip("joblib.externals.loky")
    hold_interrupts_back()
    with loky.ProcessPoolExecutor(1) as workers:
        held, left = workers.submit(held_back_here).result()
    assert signal.SIGINT in held
    assert not left & set(INTERRUPTS)
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
