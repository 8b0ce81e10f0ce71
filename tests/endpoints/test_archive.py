"""An archive is served and stored only as it was packed, whatever its own handler would say of it."""

import re
import shutil
import zipfile
from pathlib import Path

import pytest

from mlgate import EvidenceError, Release, Service
from mlgate.digests import digest_file
from mlgate_serving.archive import require_whole
from mlgate_serving.endpoint import start_endpoint
from mlgate_serving.supervisor import Supervisor


def forge(folder: Path, replaced: dict[str, bytes | None]) -> None:
    """Replaces, adds or (None) removes files of the archive and puts its new digest into release.json; those of the files stay genuine."""
    release = Release.read(folder)
    archive = folder / release.archive
    with zipfile.ZipFile(archive) as members:
        content = {name: members.read(name) for name in members.namelist()}
    with zipfile.ZipFile(archive, "w") as members:
        for name, data in (content | replaced).items():
            if data is not None:
                members.writestr(name, data)
    forged = release.model_copy(update={"archive_digest": digest_file(archive)})
    (folder / "release.json").write_text(forged.model_dump_json())


@pytest.mark.parametrize(
    "name", ["mlgate_serving/handler.py", "__pycache__/model.cpython-311.pyc"], ids=["the handler that checks", "what it skips"]
)
def test_a_forged_archive_is_refused_by_its_files_before_anything_starts(
    packed: tuple[Release, Path], service: Service, supervisor: Supervisor, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "release"
    shutil.copytree(packed[1], folder)
    forge(folder, {name: b"print('whatever you like to hear')"})
    with pytest.raises(EvidenceError, match=re.escape(f"{name} in the archive is sha256:")):
        start_endpoint(supervisor, folder, service)
    assert not supervisor.list()
    assert not (tmp_path / "processes").exists()


def test_a_file_that_is_missing_in_the_archive_is_named(packed: tuple[Release, Path], tmp_path: Path) -> None:
    folder = tmp_path / "release"
    shutil.copytree(packed[1], folder)
    forge(folder, {"weights.pt": None})
    with pytest.raises(EvidenceError, match=r"weights\.pt in the archive is missing, but release\.json says sha256:"):
        require_whole(folder)


def test_an_archive_that_cannot_be_read_is_named(packed: tuple[Release, Path], tmp_path: Path) -> None:
    folder = tmp_path / "release"
    shutil.copytree(packed[1], folder)
    archive = folder / packed[0].archive
    archive.unlink()
    archive.mkdir()
    with pytest.raises(EvidenceError, match=f"{re.escape(str(archive))}: release.json names this archive, and here is none"):
        require_whole(folder)
