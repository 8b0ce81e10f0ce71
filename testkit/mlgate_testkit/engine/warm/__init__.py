"""A Python that has Pulumi's packages loaded already, from which every run of a program is forked.

Loading them is half the time that Python takes for a platform's program, and `pip list`, which the language host asks for the plugins that
a program needs, takes half a second more. The language host starts `command` as it would start Python; that hands itself over to the
process that waits (`serve.py`), which forks, and whose child is to all appearances the program: its arguments, environment, folder,
streams, signals and end are those of what was started. It has a session of its own, and the hash seed of all. Loaded ahead are installed
packages called pulumi, pulumi_*, pip, pydantic and boto3 and what these need, no other code of a user's.

Where forking cannot stand for starting (another system than Linux, other PYTHON* variables, a socket's path that is too long), `command`
starts Python.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shlex import quote

__all__ = ["Warm"]

_HERE = Path(__file__).parent
_END_S = 15.0
_LONGEST_SOCKET = 100  # of 108 bytes with the zero at the end, unix(7)


class Warm:
    """The process that waits, in `folder`, which only this user may read. It ends with `close`, and when whoever started it ends.

    `variables`: what a program's environment will have of PYTHON*.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.command = folder / "python"
        self._process: subprocess.Popen[bytes] | None = None
        self._socket = folder / "warm"
        asked = [sys.executable, "-I", "-S", str(_HERE / "ask.py"), str(self._socket), sys.executable]
        version = f'[ "$*" = --version ] && exec {quote(sys.executable)} --version'  # the language host asks that twice for each run
        self.command.write_text(f'#!/bin/sh\n{version}\nexec {" ".join(map(quote, asked))} "$@"\n', encoding="utf-8")
        self.command.chmod(0o700)
        if sys.platform != "linux" or len(os.fsencode(self._socket)) > _LONGEST_SOCKET:
            return
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_HERE / "serve.py"), str(self._socket)],
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def settle(self) -> None:
        """Returns once nothing runs any more that was started for a process that has ended."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, suppress(OSError):  # there is none, or it has ended
            connection.settimeout(_END_S)
            connection.connect(str(self._socket))
            connection.sendall(bytes(8))
            connection.recv(1)

    def close(self) -> None:
        """Ends it, and what it forked."""
        if self._process:
            assert self._process.stdin
            self._process.stdin.close()
            try:
                self._process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
