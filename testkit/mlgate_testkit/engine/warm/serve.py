"""The process that waits with Pulumi's packages loaded, and forks: `serve.py SOCKET`. At first it has the standard library alone.

What to load it learns from the programs that it ran: each child writes down what it loads of some packages, before it may be killed.
What pip said is said again for as long as nothing is installed: pip looks through every package for a third of a second, and the language
host asks it before each run. There is one thread, so that forking is safe, and the process ends with its standard input.
"""

import array
import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

_LOADED_AHEAD = ("pulumi", "pip", "pydantic", "boto3")
_WAIT_S = 10.0
_STDIN = 0


class Run(NamedTuple):
    """Of a child: who asked for it, the file in which it names what it loaded, and, of pip, what its answer depends on."""

    connection: socket.socket
    report: Path
    installed: str

    @property
    def answer(self) -> Path:
        """Where pip's is kept."""
        return self.report.with_suffix(".answer")


class Server:
    """Listens at `path`. `runs`: its children. `answers`: what pip said, by what that depends on."""

    def __init__(self, path: str) -> None:
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(64)
        self.folder = Path(path).parent
        self.runs: dict[int, Run] = {}
        self.answers: dict[str, str] = {}
        self.ended, self.wake = os.pipe()
        os.set_blocking(self.wake, False)
        signal.set_wakeup_fd(self.wake)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def serve(self) -> None:
        """Until its standard input ends."""
        while True:
            heard: list[int | socket.socket] = [_STDIN, self.ended, self.listener, *(run.connection for run in self.runs.values())]
            ready, _, _ = select.select(heard, [], [])
            if _STDIN in ready:
                for pid in list(self.runs):
                    self._end(pid)
                return
            if self.ended in ready:
                os.read(self.ended, 4096)
                self._reap()
            for pid, run in list(self.runs.items()):
                if run.connection in ready:
                    self._pass_on(run.connection, pid)
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
                run = Run(connection, Path(report), _installed(asked))
                if not (pid := os.fork()):
                    connection.close()
                    self._leave()
                    own, streams = list(streams), array.array("i")
                    _become(asked, own, run, self.answers.get(run.installed))
                self.runs[pid] = run
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
        for run in self.runs.values():
            run.connection.close()
        os.close(self.ended)
        os.close(self.wake)

    def _reap(self) -> None:
        """Tells who asked how their runs ended, loads what those had to load, and keeps what pip said."""
        for pid in list(self.runs):
            which, status = os.waitpid(pid, os.WNOHANG)
            if which:
                run = self._forget(pid)
                with contextlib.suppress(OSError):
                    run.connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))
                run.connection.close()
                loaded = run.report.read_text(encoding="utf-8").split()
                run.report.unlink()
                if status == 0 and run.answer.exists():
                    self.answers = {run.installed: run.answer.read_text(encoding="utf-8")}
                run.answer.unlink(missing_ok=True)
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
        run = self._forget(pid)
        run.connection.close()
        run.report.unlink()
        run.answer.unlink(missing_ok=True)

    def _forget(self, pid: int) -> Run:
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


def _installed(asked: dict[str, Any]) -> str:
    """What pip's answer depends on: the question, its own variables, and what is installed, as the folders tell. "" for a program."""
    if asked["arguments"][0] != "-m":
        return ""
    variables = sorted(item for item in asked["environment"].items() if item[0].startswith("PIP_"))
    folders = [(folder, os.stat(folder).st_mtime_ns) for folder in sys.path if os.path.isdir(folder)]  # noqa: PTH112, PTH116
    return json.dumps([asked["arguments"], variables, folders])


def _become(asked: dict[str, Any], streams: list[int], run: Run, answer: str | None) -> NoReturn:
    """This process, a child, is from now on what was asked for, in a session of its own. `answer`: what pip would say, if that is known."""
    try:
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        _write_down(run.report)
        arguments = asked["arguments"]
        if answer is not None:
            sys.stdout.write(answer)
        elif run.installed:
            sys.argv = arguments[1:]
            with _kept(run.answer):
                runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = arguments
            runpy.run_path(arguments[0], run_name="__main__")
        _end(0)
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
        _end(1 if isinstance(ended.code, str) else ended.code or 0)
    except BaseException:  # the server's own code, which is above, must not go on
        traceback.print_exc()
        _end(1)


def _end(status: int) -> NoReturn:
    """As Python ends, but for the memory, which goes back as a whole: to take apart all that was loaded takes longer than to fork."""
    threading._shutdown()  # type: ignore[attr-defined]  # as multiprocessing ends its forks
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more, or it was closed
            stream.flush()
    os._exit(status & 0xFF)


@contextlib.contextmanager
def _kept(path: Path) -> Iterator[None]:
    """What is written to standard output within goes there at the end, and into a file."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            yield
    finally:
        path.write_text(said.getvalue(), encoding="utf-8")
        sys.stdout.write(said.getvalue())


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
