"""What the language host starts in place of Python: `ask.py SOCKET PYTHON ARGUMENT...`, with nothing loaded but the standard library.

It hands arguments, environment, folder and streams to the process behind the socket, passes signals on to the child that is forked there,
and ends as that does. Whatever else than a program or `pip list` is to be run, and where nobody answers, it becomes Python itself.
"""

import array
import json
import os
import signal
import socket
import sys

_PROGRAM = "pulumi-language-python-exec"


def main(path: str, python: str, arguments: list[str]) -> int:
    """The exit status of what was run."""
    wanted = arguments[:3] == ["-m", "pip", "list"] or (arguments and arguments[0].endswith(f"/{_PROGRAM}"))
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if not wanted:
            raise ConnectionError
        connection.connect(path)
        request = json.dumps({"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}).encode()  # noqa: PTH109 - pathlib takes time to load
        streams = array.array("i", [0, 1, 2])
        connection.sendmsg([len(request).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        connection.sendall(request)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _frame: connection.send(bytes([number])))
        if connection.recv(1) != b"+":
            raise ConnectionError
    except OSError:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.execv(python, [python, *arguments])  # noqa: S606 - what the language host wanted
    answer = connection.recv(4)
    status = int.from_bytes(answer, "big", signed=True) if answer else 1
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
