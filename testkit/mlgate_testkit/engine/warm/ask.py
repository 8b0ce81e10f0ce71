"""What the language host starts in place of Python: `ask.py SOCKET PYTHON ARGUMENT...`, with nothing loaded but the standard library.

It hands arguments, environment, folder and streams to the process behind the socket, passes signals on to the child that is forked there,
and ends as that does. Whatever else than a program or `pip list` is to be run, and where nobody answers, it becomes Python itself.
"""

import array
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable

_PROGRAM = "pulumi-language-python-exec"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(path: str, python: str, arguments: list[str]) -> int:
    """The exit status of what was run."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    told: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        told.append(number)
        with contextlib.suppress(OSError):  # there is nobody to pass it on to, and this process ends soon
            connection.send(bytes([number]))

    if not _is_forked(arguments) or not _forked(connection, path, arguments, pass_on):
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        if told:
            os.kill(os.getpid(), told[0])
        os.execv(python, [python, *arguments])  # noqa: S606 - what the language host wanted
    answer = connection.recv(4)
    status = int.from_bytes(answer, "big", signed=True) if answer else 1
    if status < 0:
        if -status in _SIGNALS:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


def _is_forked(arguments: list[str]) -> bool:
    return arguments[:3] == ["-m", "pip", "list"] or (bool(arguments) and arguments[0].endswith(f"/{_PROGRAM}"))


def _forked(connection: socket.socket, path: str, arguments: list[str], pass_on: Callable[[int, object], None]) -> bool:
    """Whether there is a child that runs them."""
    request = json.dumps({"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}).encode()  # noqa: PTH109
    streams = array.array("i", [0, 1, 2])
    try:
        connection.connect(path)
        connection.sendmsg([len(request).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        connection.sendall(request)
        for number in _SIGNALS:
            signal.signal(number, pass_on)
        return connection.recv(1) == b"+"
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
