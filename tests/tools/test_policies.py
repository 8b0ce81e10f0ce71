"""The policy pack's environment: got once into the cache, found by the launcher, and named with the remedy where it is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from mlgate import ToolError
from mlgate_tools import policies
from mlgate_tools.__main__ import main
from mlgate_tools.policies import REQUIREMENTS, ensure_policies

Program = Callable[[Path, str], Path]
LOADED = """import sys; raise SystemExit(f"isolated: {sys.flags.isolated}, site: {'site' in sys.modules}")"""
# Stands for the package client: puts there what says that the pack has begun.
CLIENT = f"""#!{sys.executable}
import pathlib, sys
folder = pathlib.Path(sys.argv[sys.argv.index("--target") + 1])
(folder / "asked.txt").write_text(" ".join(sys.argv[1:]))
(folder / "pulumi_policy.py").write_text({LOADED!r})
"""


@pytest.fixture
def client(cache: Path, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package client that gets nothing from anywhere; gives the cache."""
    made = program(tmp_path / "client", CLIENT)
    monkeypatch.setattr(policies, "package_client", lambda *_: [str(made)])
    return cache


def launched(pack: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The pack started as the engine starts it, with this interpreter first on PATH."""
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    return subprocess.run(
        [str(pack), "127.0.0.1:1"], env={**os.environ, "PATH": path, **environment}, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_packages_are_got_once_by_hash(client: Path, said: list[str]) -> None:
    first, again = ensure_policies(said.append), ensure_policies(said.append)
    assert said == ["policies: getting the packages of the policy pack (80 MB)"]
    assert (first.path, first.version) == (again.path, again.version)
    assert (first.source, again.source) == ("packages by hash", "found in the cache, packages by hash")
    (asked,) = client.glob("tools/policies-*/asked.txt")
    assert asked.read_text().split()[2:] == ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(REQUIREMENTS)]


def test_the_lock_names_each_package_by_hash_and_no_address() -> None:
    text = REQUIREMENTS.read_text(encoding="utf-8")
    assert "://" not in text
    assert "\npulumi-policy==1.21.0 " in text
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_pack_has_the_version_of_what_it_is_part_of() -> None:
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"\nversion: {project['version']}\n" in (policies._pack() / "PulumiPolicy.yaml").read_text(encoding="utf-8")


def test_other_requirements_are_another_environment(client: Path, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ensure_policies(said.append).version
    other = tmp_path / "policies.txt"
    other.write_text("pulumi-policy==1.22.0\n")
    monkeypatch.setattr(policies, "REQUIREMENTS", other)
    assert ensure_policies(said.append).version != before
    assert len(list(client.glob("tools/policies-*-*/"))) == 2


def test_a_client_that_fails_is_told_with_its_last_words(
    cache: Path, program: Program, tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = program(tmp_path / "client", "#!/bin/sh\necho no such host\nexit 2\n")
    monkeypatch.setattr(policies, "package_client", lambda *_: [str(made)])
    with pytest.raises(ToolError, match="no such host") as failure:
        ensure_policies(said.append)
    assert "python -m mlgate_tools policies" in failure.value.remedy
    assert not list(cache.glob("tools/policies-*/"))


def test_the_command_says_what_to_give_to_pulumi(client: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policies"]) == 0
    told = capsys.readouterr().out
    pack = Path(told.partition(": ")[2].rpartition(" (")[0])
    assert pack.name == "mlgate-policies"
    assert os.access(pack, os.X_OK)
    assert (pack.parent / "PulumiPolicy.yaml").is_file()


def test_the_launcher_goes_on_in_that_environment_alone(client: Path, said: list[str], tmp_path: Path) -> None:
    pack = ensure_policies(said.append).path
    (tmp_path / "pulumi_policy.py").write_text("raise SystemExit('of the user')\n")
    started = launched(pack, MLGATE_CACHE=str(client), PYTHONPATH=str(tmp_path))
    assert started.stderr.splitlines()[-1] == "isolated: 1, site: False"


def test_without_the_environment_the_launcher_names_the_command_that_gets_it(cache: Path) -> None:
    started = launched(policies._pack() / "mlgate-policies", MLGATE_CACHE=str(cache))
    assert started.returncode == 1
    assert "the environment of the policy pack is not there, or not whole" in started.stderr
    assert started.stderr.splitlines()[-1].startswith("  -> run `python -m mlgate_tools policies`")


def test_a_python_without_mlgate_is_named(program: Program, tmp_path: Path) -> None:
    program(tmp_path / "python3", f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    started = launched(policies._pack() / "mlgate-policies", PATH=os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    assert started.returncode == 1
    assert "No module named 'mlgate_tools'" in started.stderr
    assert started.stderr.splitlines()[-1].startswith("  -> activate the environment in which mlgate is installed")
