"""Helm charts that are at hand: what they are, and their digest."""

from __future__ import annotations

import hashlib
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

from mlgate_testkit.provider.provider import ProviderError

__all__ = ["Chart", "find_chart"]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart on this machine.

    `digest`: SHA-256 of the archive, or for a folder over each file's path and SHA-256, in the order of the paths.
    """

    path: Path
    digest: str
    name: str
    version: str
    app_version: str


def find_chart(named: str) -> Chart | None:
    """The chart in this folder or archive; None for one that lies in a repository. A relative path begins in the program's folder.

    Raises ProviderError: there is something, and it is no chart; or there is nothing, and it cannot be a repository's either.
    """
    path = Path(named).expanduser()
    try:
        if path.is_dir():
            files = sorted(each for each in path.rglob("*") if each.is_file())
            listed = "".join(f"{each.relative_to(path)}\0{hashlib.sha256(each.read_bytes()).hexdigest()}\n" for each in files)
            return _described(path, hashlib.sha256(listed.encode()).hexdigest(), (path / "Chart.yaml").read_text(encoding="utf-8"))
        if path.is_file():
            return _described(path, hashlib.sha256(path.read_bytes()).hexdigest(), _of_archive(path))
    except (OSError, tarfile.TarError, KeyError) as error:
        raise ProviderError(f"{path} is no Helm chart: {error}") from None
    if _is_path(named):
        raise ProviderError(f"there is no Helm chart at {path.absolute()}; a relative path begins in the program's folder")
    return None


def _is_path(named: str) -> bool:
    """Whether helm too would look for it on this machine alone (`LocateChart`), or it is named as an archive's file."""
    return named.startswith((".", "/", "~")) or (named.endswith((".tgz", ".tar.gz")) and "://" not in named)


def _of_archive(path: Path) -> str:
    with tarfile.open(path) as archive:
        for member in archive:
            if PurePosixPath(member.name).match("*/Chart.yaml") and len(PurePosixPath(member.name).parts) == 2:
                content = archive.extractfile(member)
                assert content
                return content.read().decode()
    raise KeyError("no Chart.yaml in it")


def _described(path: Path, digest: str, chart_yaml: str) -> Chart:
    about = yaml.safe_load(chart_yaml)
    if not isinstance(about, dict) or not about.get("name"):
        raise ProviderError(f"{path} is no Helm chart: its Chart.yaml names none")
    return Chart(path, digest, str(about["name"]), str(about.get("version") or ""), str(about.get("appVersion") or ""))
