"""Java's start-up cache: made once, and never a reason for an endpoint not to start."""

from pathlib import Path

import pytest

from mlgate_serving.java_cache import java_cache
from mlgate_serving.torchserve import TorchServe, local_programs
from mlgate_tools.java import find_java


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLGATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("script", ["exit 1", "sleep 0.1; exit 0"])
def test_a_java_that_cannot_make_it_only_starts_slower(tmp_path: Path, own_cache: Path, script: str) -> None:
    java, jar = tmp_path / "java", tmp_path / "a" / "b" / "c" / "server.jar"
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)
    jar.parent.mkdir(parents=True)
    jar.write_bytes(b"jar")
    said: list[str] = []
    assert java_cache(java, "25", (), jar, said.append) is None
    assert "starts will take longer" in said[-1]
    assert not list(own_cache.rglob("*.aot"))


def test_a_cache_that_cannot_be_written_only_starts_slower(tmp_path: Path, own_cache: Path) -> None:
    own_cache.write_text("a file where a folder should be")
    said: list[str] = []
    assert java_cache(find_java().path, "25", (), Path(__file__), said.append) is None
    assert "starts will take longer" in said[-1]


def test_caches_of_former_installations_are_forgotten(tmp_path: Path, own_cache: Path) -> None:
    java, jar = tmp_path / "java", tmp_path / "a" / "b" / "c" / "server.jar"
    java.write_text('#!/bin/sh\necho x > "${1#*=}"\n')  # writes the cache that its first option names
    java.chmod(0o755)
    jar.parent.mkdir(parents=True)
    jar.write_bytes(b"jar")
    made = [java_cache(java, version, (), jar, lambda line: None) for version in ("1", "2", "3", "4", "5")]
    assert [path is not None and path.exists() for path in made] == [False, False, True, True, True]
    assert len(list(own_cache.rglob("*.lock"))) == 1


@pytest.mark.serve
def test_it_is_made_once_and_handed_to_java() -> None:
    said: list[str] = []
    first = local_programs(said.append)
    assert first.java_cache is not None
    assert first.java_cache.stat().st_size > 1 << 20
    assert any("once" in line for line in said)
    again: list[str] = []
    assert local_programs(again.append) == first
    assert again == []
    assert TorchServe(first).programs.jar.exists()
