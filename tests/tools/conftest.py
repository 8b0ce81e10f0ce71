"""A cache of one's own, a `go` that builds in no time and misbehaves on command, and a server of releases."""

import json
import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import pytest

from mlgate_tools import golang

NOWHERE = "http://127.0.0.1:1"  # nothing listens on port 1: refused at once

# Answers the commands that the build asks; `mode` in its own folder says how the build goes.
FAKE_GO = """#!{python}
import json, os, pathlib, sys, time
here = pathlib.Path(__file__).parent
mode = (here / "mode").read_text()
arguments = sys.argv[1:]
with (here / "calls").open("a") as calls:
    calls.write(json.dumps(dict(arguments=arguments, cwd=os.getcwd(), environment=dict(os.environ))) + "\\n")
if arguments[:2] == ["env", "-json"]:
    written = json.loads((here / "written").read_text()) if os.environ.get("GOENV") != "off" else dict()
    print(json.dumps(dict((name, os.environ.get(name, written.get(name, ""))) for name in arguments[2:])))
    sys.exit()
if arguments[0] == "env":
    print((here / "version").read_text())
    sys.exit()
modules = pathlib.Path(os.environ["GOMODCACHE"])
if arguments[:2] == ["list", "-deps"]:
    print("go: downloading example.com/module v1.0.0", file=sys.stderr)
    print("fmt")
    print(arguments[2])
elif arguments[0] == "list":
    for name in ["python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python"]:
        path = modules / "sdk" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\\n")
    print(modules / "sdk")
elif arguments[0] == "build":
    pathlib.Path(os.environ["GOCACHE"], "object").write_bytes(b"x" * 1000)
    target = pathlib.Path(arguments[arguments.index("-o") + 1])
    if mode == "fails":
        print("package fmt is not in std")
        sys.exit(1)
    if mode == "full":
        print("write " + str(target) + ": no space left on device")
        sys.exit(1)
    if mode == "hangs":
        target.write_text("half a program")
        (here / "pid").write_text(str(os.getpid()))
        while True:
            print("some/package", flush=True)
            time.sleep(0.01)
    print(arguments[-1])
    target.write_text("#!/bin/sh\\necho v" + ("3.0.0" if mode == "wrong" else "3.259.0") + "\\n")
    target.chmod(0o755)
"""


def write_program(path: Path, content: str) -> Path:
    """An executable script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@dataclass
class FakeGo:
    """The script at `folder/go`."""

    folder: Path

    def set(self, mode: str = "builds", version: str = "go1.26.8", written: Mapping[str, str] = MappingProxyType({})) -> None:
        """How the build goes ("builds", "fails", "full", "hangs", "wrong"), which version it says it is, and what `go env -w` wrote."""
        (self.folder / "mode").write_text(mode)
        (self.folder / "written").write_text(json.dumps(dict(written)))
        (self.folder / "version").write_text(version)
        write_program(self.folder / "go", FAKE_GO.replace("{python}", sys.executable))

    @property
    def calls(self) -> list[dict[str, object]]:
        """Every call so far: arguments, cwd, environment."""
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def builds(self) -> list[str]:
        """The packages that were built."""
        return [call["arguments"][-1] for call in self.calls if call["arguments"][0] == "build"]  # type: ignore[index]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that `$MLGATE_CACHE` names; its `tools` is where tools come to lie."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("MLGATE_CACHE", str(folder))
    return folder


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder on PATH, and no Go installed as a wheel: whatever this machine has besides is out of sight."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(golang, "metadata", SimpleNamespace(distribution=no_wheel, PackageNotFoundError=PackageNotFoundError))
    return folder


def no_wheel(name: str) -> Distribution:
    """As if nothing were installed."""
    raise PackageNotFoundError(name)


@pytest.fixture
def go(programs: Path) -> FakeGo:
    """A Go on PATH that builds at once."""
    fake = FakeGo(programs)
    fake.set()
    return fake


@dataclass
class Releases:
    """A server on loopback: `files` by path; `cut` sends only so many bytes of an answer; `asked` is what was asked for."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut: int | None = None
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def releases(monkeypatch: pytest.MonkeyPatch) -> Iterator[Releases]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    state = Releases()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            body = state.files.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write((body or b"")[: state.cut])

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture
def said() -> list[str]:
    """Progress lines: `said.append` is the callable."""
    return []


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address of releases that refuses at once."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return NOWHERE


def has_ended(pid: int) -> bool:
    """Within half a minute; a zombie that whoever adopted it has not yet waited for has ended."""
    for _ in range(3000):
        try:
            os.kill(pid, 0)
            if sys.platform == "linux" and Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def ended() -> Callable[[int], bool]:
    """Whether a process ends soon."""
    return has_ended


@pytest.fixture
def program() -> Callable[[Path, str], Path]:
    """Writes an executable script."""
    return write_program
