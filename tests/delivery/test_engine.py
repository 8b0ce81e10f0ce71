"""How the engine's process is ended, without an engine."""

import signal
import subprocess

import pytest

from mlgate_delivery import engine


def test_an_interrupt_reaches_the_engine_though_nobody_can_be_told():
    def gone(_line):
        raise BrokenPipeError

    process = subprocess.Popen(["sleep", "600"])
    try:
        with pytest.raises(BrokenPipeError):
            engine._interrupt(process, gone)
        assert process.wait(60) == -signal.SIGINT
    finally:
        process.kill()
        process.wait()
