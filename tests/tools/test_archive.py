"""The official archive is used only when it is the one that was pinned."""

import hashlib
import io
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from mlgate.errors import ToolError
from mlgate_tools import archive
from mlgate_tools.archive import CHECKSUMS, fetch_archive
from mlgate_tools.go_build import MODULES
from mlgate_tools.pulumi import ENGINE_VERSION

PATH = "/v3.259.0/pulumi-v3.259.0-linux-x64.tar.gz"


def packed(members: dict[str, str], link: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o644
            file.addfile(member, io.BytesIO(content.encode()))
        if link:
            member = tarfile.TarInfo(link)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            file.addfile(member)
    return buffer.getvalue()


@pytest.fixture
def fetch(releases: Any, tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Fetches what `content` is served as, against the checksum of `pinned`; returns the folder it is unpacked into."""

    def run(content: bytes | None, pinned: bytes, platform: str = "linux-x64") -> Path:
        monkeypatch.setattr(archive, "CHECKSUMS", {("3.259.0", "linux-x64"): hashlib.sha256(pinned).hexdigest()})
        if content is not None:
            releases.files[PATH] = content
        folder, workspace = tmp_path / "folder", tmp_path / "workspace"
        folder.mkdir()
        workspace.mkdir()
        fetch_archive("3.259.0", platform, folder=folder, workspace=workspace, progress=said.append, base_url=releases.url)
        return folder

    return run


def unpacked(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "folder").iterdir())


def test_the_pinned_archive_gives_the_engine_and_its_python_host(fetch: Any, tmp_path: Path) -> None:
    content = packed(
        {
            "pulumi/pulumi": "engine",
            "pulumi/pulumi-language-python": "host",
            "pulumi/pulumi-language-go": "go",
            "pulumi/pulumi-watch": "watch",
        }
    )
    folder = fetch(content, content)
    assert unpacked(tmp_path) == ["pulumi", "pulumi-language-python"]
    assert (folder / "pulumi").read_text() == "engine"
    assert all(path.stat().st_mode & 0o777 == 0o755 for path in folder.iterdir())
    assert not list((tmp_path / "workspace").iterdir())


def test_another_archive_than_the_pinned_one_is_refused_unopened(fetch: Any, tmp_path: Path) -> None:
    pinned, served = packed({"pulumi/pulumi": "engine"}), packed({"pulumi/pulumi": "malice"})
    with pytest.raises(ToolError) as caught:
        fetch(served, pinned)
    assert hashlib.sha256(served).hexdigest() in caught.value.problem
    assert hashlib.sha256(pinned).hexdigest() in caught.value.problem
    assert caught.value.where.endswith(PATH)
    assert unpacked(tmp_path) == []


def test_an_archive_cut_off_in_transit_is_refused(fetch: Any, releases: Any, tmp_path: Path) -> None:
    content = packed({"pulumi/pulumi": "engine"})
    releases.cut = len(content) - 1
    with pytest.raises(ToolError, match=f"lost after {len(content) - 1} of {len(content)} bytes"):
        fetch(content, content)
    assert unpacked(tmp_path) == []


def test_members_cannot_leave_the_folder(fetch: Any, tmp_path: Path) -> None:
    content = packed({"../../python-outside": "malice", "/python-absolute": "malice"}, link="pulumi/python-link")
    fetch(content, content)
    assert unpacked(tmp_path) == ["python-absolute", "python-outside"]
    assert not (tmp_path.parent / "python-outside").exists()


def test_a_missing_archive_is_named(fetch: Any) -> None:
    with pytest.raises(ToolError, match="cannot be downloaded: Not Found"):
        fetch(None, b"")


def test_a_platform_without_a_pinned_checksum_is_not_asked_for(fetch: Any, releases: Any) -> None:
    with pytest.raises(ToolError, match=r"no checksum is pinned for 3\.259\.0 on freebsd-riscv64"):
        fetch(b"", b"", platform="freebsd-riscv64")
    assert releases.asked == []


def test_a_server_that_refuses_is_named(tmp_path: Path, said: list[str], nowhere: str) -> None:
    with pytest.raises(ToolError, match=r"cannot be downloaded: .*refused") as caught:
        fetch_archive("3.259.0", "linux-x64", folder=tmp_path, workspace=tmp_path, progress=said.append, base_url=nowhere)
    assert caught.value.where.startswith(nowhere)


def test_progress_says_how_far_and_how_long(fetch: Any, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_SAY_EVERY_S", 0.0)
    content = packed({"pulumi/pulumi": "engine"})
    fetch(content, content)
    assert re.fullmatch(r"pulumi: downloaded \d+ of \d+ MB, \d+ s", said[0])


def test_every_platform_of_the_engine_has_a_checksum_and_modules_of_the_same_version() -> None:
    platforms = {platform for version, platform in CHECKSUMS if version == ENGINE_VERSION}
    assert platforms == {"darwin-arm64", "darwin-x64", "linux-arm64", "linux-x64"}
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in CHECKSUMS.values())
    assert len(set(CHECKSUMS.values())) == len(CHECKSUMS)
    assert f"require github.com/pulumi/pulumi/pkg/v3 v{ENGINE_VERSION}\n" in (MODULES / "pulumi" / "go.mod").read_text()
