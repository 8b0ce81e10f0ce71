"""The process that waits with Pulumi's packages loaded, and forks: `serve.py SOCKET`. At first it has the standard library alone.

What to load it learns from the programs that it ran: each child writes down what it loads of some packages, before it may be killed.
It has one thread, so that forking is safe, and ends with its standard input.
"""

import array
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, NoReturn

_LOADED_AHEAD = ("pulumi", "pip", "pydantic")
_WAIT_S = 10.0
_STDIN = 0


class Server:
    """Listens at `path`. `runs`: of each child who asked for it, and the file in which it names what it loaded."""

    def __init__(self, path: str) -> None:
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(64)
        self.folder = Path(path).parent
        self.runs: dict[int, tuple[socket.socket, Path]] = {}
        self.ended, self.wake = os.pipe()
        os.set_blocking(self.wake, False)
        signal.set_wakeup_fd(self.wake)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def serve(self) -> None:
        """Until its standard input ends."""
        while True:
            heard: list[int | socket.socket] = [_STDIN, self.ended, self.listener, *(each for each, _ in self.runs.values())]
            ready, _, _ = select.select(heard, [], [])
            if _STDIN in ready:
                for pid in list(self.runs):
                    self._end(pid)
                return
            if self.ended in ready:
                os.read(self.ended, 4096)
                self._reap()
            for pid, (connection, _) in list(self.runs.items()):
                if connection in ready:
                    self._pass_on(connection, pid)
            if self.listener in ready:  # the last: who asks whether all is quiet is answered once nobody's run is left
                connection, _ = self.listener.accept()
                connection.settimeout(_WAIT_S)
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        """Forks for who asks, unless nothing is to be run, or by another Python than a fork of this one."""
        streams = array.array("i")
        pid = 0
        try:
            asked = _request(connection, streams)
            if asked is None:
                connection.sendall(b"+")
            elif _of_python(asked["environment"]) != _of_python(os.environ):
                connection.sendall(b"-")
            else:
                handle, report = tempfile.mkstemp(dir=self.folder)
                os.close(handle)
                if not (pid := os.fork()):
                    connection.close()
                    self._leave()
                    own, streams = list(streams), array.array("i")
                    _become(asked, own, Path(report))
                self.runs[pid] = connection, Path(report)
                connection.sendall(b"+")
        except (OSError, ValueError):  # who asked went away in the middle, which ends its run in the next round; or the disk is full
            pass
        finally:
            for stream in streams:
                os.close(stream)
            if not pid:
                connection.close()

    def _leave(self) -> None:
        """A child has nothing of it; objects that stayed open would later close what has their number then."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.listener.close()
        for connection, _ in self.runs.values():
            connection.close()
        os.close(self.ended)
        os.close(self.wake)

    def _reap(self) -> None:
        """Tells who asked how their runs ended, and loads what those had to load."""
        for pid in list(self.runs):
            which, status = os.waitpid(pid, os.WNOHANG)
            if which:
                connection, report = self._forget(pid)
                with contextlib.suppress(OSError):
                    connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))
                connection.close()
                loaded = report.read_text(encoding="utf-8").split()
                report.unlink()
                _load(sorted({name.rpartition(".")[0] or name for name in loaded}))

    def _pass_on(self, connection: socket.socket, pid: int) -> None:
        """The signals that who asked was sent; the end, if who asked is gone."""
        try:
            numbers = connection.recv(16)
        except OSError:
            numbers = b""
        for number in numbers:
            os.kill(pid, number)
        if not numbers:
            self._end(pid)

    def _end(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        connection, report = self._forget(pid)
        connection.close()
        report.unlink()

    def _forget(self, pid: int) -> tuple[socket.socket, Path]:
        """Of what a child started, that which did not leave its session ends with it, as it does with an engine's."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        return self.runs.pop(pid)


def _request(connection: socket.socket, streams: "array.array[int]") -> dict[str, Any] | None:
    """What is asked for; None if nothing is to be run. The streams that come along are added to `streams`."""
    size, ancillary, _, _ = connection.recvmsg(8, socket.CMSG_SPACE(3 * streams.itemsize))
    for _, _, given in ancillary:
        streams.frombytes(given)
    left, read = int.from_bytes(size, "big"), bytearray()
    while len(read) < left:
        part = connection.recv(left - len(read))
        if not part:
            raise ConnectionError
        read += part
    return json.loads(read) if read else None


def _become(asked: dict[str, Any], streams: list[int], report: Path) -> NoReturn:
    """This process, a child, is from now on what was asked for, in a session of its own."""
    try:
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        _write_down(report)
        arguments = asked["arguments"]
        if arguments[0] == "-m":
            sys.argv = arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = arguments
            runpy.run_path(arguments[0], run_name="__main__")
        sys.exit(0)
    except SystemExit:
        raise
    except BaseException:  # the server's own code, which is above, must not go on
        traceback.print_exc()
        sys.exit(1)


def _write_down(report: Path) -> None:
    """From now on the names of modules that are looked for, of packages that are loaded ahead, a line each."""
    file = os.open(report, os.O_WRONLY)

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "import" and arguments[0].split(".")[0].split("_")[0] in _LOADED_AHEAD:
            os.write(file, f"{arguments[0]}\n".encode())

    sys.addaudithook(hear)


def _load(packages: list[str]) -> None:
    """Loads them as programs do, by their names: to import a module that is called as its class would leave the module in its place."""
    for name in packages:
        with contextlib.suppress(Exception):  # what cannot be loaded here is loaded by the next program, or is told there
            getattr(importlib.import_module(name), "__all__", None)  # Pulumi's are loaded once anything of them is asked for
    if packages:
        if log := sys.modules.get("pulumi.log"):
            vars(log)["debug"] = _unheard
        gc.collect()
        gc.freeze()  # a child looks through its own garbage alone


def _unheard(*_: Any, **__: Any) -> None:
    """The SDK's own debug messages, five for each resource, take a seventh of a run's time, and the testkit leaves them out."""


def _of_python(environment: Any) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith("PYTHON")}


if __name__ == "__main__":
    Server(sys.argv[1]).serve()
