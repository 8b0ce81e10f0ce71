"""The guard of one pytest process: `python -m mlgate_testkit.engine.guard OWNER`.

It waits for the end of its standard input, which ends with whoever started it, in whatever way, and then ends every process that carries
that owner's mark. Python's own clean-up does not run after SIGKILL, so it cannot be left to the owner.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress

from mlgate_testkit.engine.orphans import end_marked, own_mark

_END_S = 15.0


def start() -> subprocess.Popen[bytes]:
    """A guard for this process."""
    return subprocess.Popen(
        [sys.executable, "-m", "mlgate_testkit.engine.guard", own_mark().owner],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def stop(guard: subprocess.Popen[bytes]) -> None:
    """Lets it do its work and leave."""
    assert guard.stdin
    with suppress(BrokenPipeError):
        guard.stdin.close()
    try:
        guard.wait(_END_S)
    except subprocess.TimeoutExpired:
        guard.kill()
        guard.wait()


def main() -> None:
    """Waits, then ends what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a terminal that ends its jobs must not end the guard first
        signal.signal(number, signal.SIG_IGN)
    owner = sys.argv[1]
    sys.stdin.buffer.read()
    end_marked(lambda mark: mark.owner == owner, f"of the tests {owner}")


if __name__ == "__main__":
    main()
