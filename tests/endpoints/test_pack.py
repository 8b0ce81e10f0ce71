"""A model directory becomes a release, or every reason why not is said at once."""

import errno
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mlgate import PackError, Problem, Release, Service
from mlgate.digests import digest_bytes, digest_file
from mlgate_serving.archive import read_archive
from mlgate_serving.pack import pack
from tests.endpoints.packing import PACK_ELSEWHERE

MakeModel = Callable[..., Path]


def digests_in(archive: Path) -> dict[str, str]:
    """What Python finds in an archive."""
    with zipfile.ZipFile(archive) as members:
        return {name: digest_bytes(members.read(name)) for name in members.namelist()}


def test_a_release_describes_its_archive(make_model: MakeModel, service: Service, tmp_path: Path) -> None:
    training = {
        "seed": 7,
        "hyperparameters": {"epochs": 20, "rate": 0.01},
        "command": "python train.py",
        "training_data": {"digits": f"sha256:{'a' * 64}"},
    }
    release = pack(make_model(training_json=json.dumps(training)), service=service, version="1.0+cpu", output=tmp_path)
    assert Release.read(tmp_path) == release
    assert release.archive == "digits-1.0+cpu.mar"
    assert release.archive_digest == digest_file(tmp_path / release.archive)
    assert release.files == digests_in(tmp_path / release.archive)
    assert (release.archive_digest, release.files) == read_archive(tmp_path / release.archive)
    assert set(release.files) == {
        "MAR-INF/MANIFEST.json",
        "handler.py",
        "interface.json",
        "mlgate_serving/__init__.py",
        "mlgate_serving/handler.py",
        "mlgate_serving/rows.py",
        "model.py",
        "weights.pt",
    }
    assert release.interface == service.interface
    assert (release.lineage.seed, release.lineage.command) == (7, "python train.py")
    assert release.lineage.hyperparameters == {"epochs": 20, "rate": 0.01}
    assert release.lineage.training_data == training["training_data"]


def test_the_command_says_that_it_loads_torch_unless_the_directory_is_refused_before(
    make_model: MakeModel, service: Service, tmp_path: Path
) -> None:
    program = str(Path(sys.executable).with_name("mlgate"))
    options = ["--version", "1", "--service", str(service.data_path("service.yaml")), "--json"]

    def run(folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, "pack", str(folder), *options], cwd=tmp_path, capture_output=True, text=True, check=False)

    packed = run(make_model())
    assert "loading torch" in packed.stderr
    assert json.loads(packed.stdout)["version"] == "1"
    assert "loading torch" not in run(tmp_path).stderr


def test_the_manifest_is_what_torchserve_reads_and_holds_nothing_of_the_moment(packed: tuple[Release, Path]) -> None:
    release, output = packed
    with zipfile.ZipFile(output / release.archive) as members:
        manifest = json.loads(members.read("MAR-INF/MANIFEST.json"))
    assert manifest["model"] == {
        "modelName": "digits",
        "serializedFile": "weights.pt",
        "handler": "handler.py",
        "modelFile": "model.py",
        "modelVersion": "1",
    }
    assert "createdOn" not in manifest


def test_equal_models_give_equal_bytes_whenever_wherever_and_by_whom_they_are_packed(
    make_model: MakeModel, service: Service, tmp_path: Path
) -> None:
    folder, copy = make_model(tables_py="A = 1\n", model_notes="x"), tmp_path / "elsewhere" / "copy"
    (folder / "more").mkdir()
    (folder / "more" / "b.txt").write_text("b")
    first = pack(folder, service=service, version="1", output=tmp_path / "first")
    copy.mkdir(parents=True)
    for path in sorted(folder.rglob("*"), reverse=True):  # another order on disk, other times and modes
        if path.is_file():
            target = copy / path.relative_to(folder)
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o600)
            os.utime(target, (10**9, 10**9))
    environment = {**os.environ, "TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONHASHSEED": "5"}
    command = [sys.executable, "-c", PACK_ELSEWHERE, copy, service.data_path("service.yaml"), tmp_path / "second"]
    subprocess.run(command, cwd=tmp_path / "elsewhere", env=environment, check=True)
    assert (tmp_path / "first" / first.archive).read_bytes() == (tmp_path / "second" / first.archive).read_bytes()
    assert Release.read(tmp_path / "second") == first


def test_packing_an_existing_release_again_changes_nothing(make_model: MakeModel, service: Service, tmp_path: Path) -> None:
    first = pack(make_model(), service=service, version="1", output=tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert pack(make_model(), service=service, version="1", output=tmp_path) == first
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_release_that_exists_is_never_changed(
    make_model: MakeModel, model_text: str, service: Service, tmp_path: Path, version: str
) -> None:
    first = pack(make_model(), service=service, version="1", output=tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(PackError, match=f"(?s){first.digest}.*sha256:") as caught:
        pack(make_model(model_text + "# another\n"), service=service, version=version, output=tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_another_version_of_the_same_files_is_another_release(make_model: MakeModel, service: Service, tmp_path: Path) -> None:
    digests = {pack(make_model(), service=service, version=version, output=tmp_path / version).digest for version in ("1", "2")}
    assert len(digests) == 2


@pytest.mark.parametrize("weights", ["weights.pt", "weights.safetensors"])
def test_both_forms_of_weights_are_packed(make_model: MakeModel, service: Service, tmp_path: Path, weights: str) -> None:
    assert weights in pack(make_model(weights=weights), service=service, version="1", output=tmp_path).files


def test_whatever_else_lies_in_the_directory_is_packed_but_for_what_is_not_the_model(
    make_model: MakeModel, model_text: str, service: Service, tmp_path: Path
) -> None:
    folder = make_model(model_text + "import tables\nassert tables.SCALE == 2\n", tables_py="SCALE = 2\n", training_json="{}")
    for name in ("__pycache__", ".git", "vocabulary"):
        (folder / name).mkdir()
        (folder / name / "file").write_text("x")
    (folder / "service.yaml").write_text("x")
    (folder / ".hidden").write_text("x")
    release = pack(folder, service=service, version="1", output=tmp_path)
    assert {"tables.py", "vocabulary/file"} <= set(release.files)
    assert not {"service.yaml", "training.json", ".hidden", ".git/file", "__pycache__/file"} & set(release.files)
    assert "tables" not in sys.modules


def test_packing_leaves_nothing_behind_in_the_model_directory_or_this_process(
    make_model: MakeModel, service: Service, tmp_path: Path
) -> None:
    folder = make_model()
    before, threads, search = sorted(folder.rglob("*")), torch.get_num_threads(), sys.path[:]
    pack(folder, service=service, version="1", output=tmp_path)
    assert sorted(folder.rglob("*")) == before
    assert torch.get_num_threads() == threads
    assert sys.path == search
    assert not {"model", "handler"} & {
        name for name, module in sys.modules.items() if str(tmp_path) in str(getattr(module, "__file__", ""))
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits-1.mar", "release.json"]


def test_everything_wrong_with_a_directory_is_said_at_once(tmp_path: Path, service: Service) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "interface.json").write_text("{}")
    (folder / "gone").symlink_to(tmp_path / "nowhere")
    (folder / "training.json").write_text('{"sed": 7, "seed": "seven"}')
    with pytest.raises(PackError) as caught:
        pack(folder, service=service, version="a b", output=tmp_path / "out")
    for part in (
        "no weights",
        "no model.py",
        "interface.json",
        "gone",
        "training.json: sed",
        "training.json: seed",
        "'a b' cannot name a version",
    ):
        assert part in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_looked_at_is_named_and_never_left_out(
    make_model: MakeModel, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, shared = make_model(), tmp_path / "shared"
    shared.mkdir()
    (folder / "vocabulary").symlink_to(shared)
    (folder / "closed").mkdir()
    (folder / "table.txt").write_text("x")
    read_folder = os.scandir

    def deny_folder(path: Any) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read_folder(path)

    def deny_file(path: Path, name: str) -> list[Problem]:
        if name == "table.txt":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return []

    monkeypatch.setattr(os, "scandir", deny_folder)
    monkeypatch.setattr("mlgate_serving.pack.scan_file", deny_file)
    with pytest.raises(PackError) as caught:
        pack(folder, service=service, version="1", output=tmp_path / "out")
    for part in ("vocabulary: a link to a directory", "closed: cannot be read: Permission denied", "table.txt: cannot be read: Permission"):
        assert part in str(caught.value)


def test_a_training_file_that_cannot_be_read_is_named(make_model: MakeModel, service: Service, tmp_path: Path) -> None:
    folder = make_model()
    (folder / "training.json").mkdir()
    with pytest.raises(PackError, match=r"training\.json: cannot be packed: Is a directory"):
        pack(folder, service=service, version="1", output=tmp_path / "out")


def test_a_model_directory_may_hold_the_releases_packed_from_it(
    make_model: MakeModel, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_model()
    monkeypatch.chdir(folder)
    here = Path()
    first = pack(here, service=service, version="1", output=Path("dist/1"))
    assert pack(here, service=service, version="1", output=Path("dist/1")) == first
    second = pack(here, service=service, version="2", output=Path("dist/2"))
    assert set(second.files) == set(first.files)
    assert not [name for name in second.files if name.startswith("dist")]


def test_a_release_is_not_packed_into_the_model_directory_itself(make_model: MakeModel, service: Service) -> None:
    folder = make_model()
    before = sorted(folder.iterdir())
    with pytest.raises(PackError, match="is the model directory itself"):
        pack(folder, service=service, version="1", output=folder)
    assert sorted(folder.iterdir()) == before


def test_two_forms_of_weights_side_by_side_are_refused(make_model: MakeModel, service: Service, tmp_path: Path) -> None:
    folder = make_model()
    shutil.copy(folder / "weights.pt", folder / "weights.safetensors")
    with pytest.raises(PackError, match=r"weights.safetensors and weights.pt side by side"):
        pack(folder, service=service, version="1", output=tmp_path)


def test_a_directory_that_is_not_there_is_named(service: Service, tmp_path: Path) -> None:
    with pytest.raises(PackError, match="nowhere: there is no such directory"):
        pack(tmp_path / "nowhere", service=service, version="1", output=tmp_path)
