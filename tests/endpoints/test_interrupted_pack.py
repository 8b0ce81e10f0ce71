"""A pack that the disk, a kill or another pack gets in the way of leaves a whole release or none."""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlgate import PackError, Problem, Release, Service
from mlgate.digests import digest_file
from mlgate.errors import BusyError
from mlgate_serving import archive as archive_module
from mlgate_serving.pack import pack
from tests.endpoints.packing import PACK_ELSEWHERE

MakeModel = Callable[..., Path]


def fill_disk(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(archive_module.shutil, "copyfileobj", fail)


def test_a_full_disk_is_said_and_leaves_nothing_half(
    make_model: MakeModel, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(monkeypatch, errno.ENOSPC)
    with pytest.raises(PackError, match="no room left"):
        pack(make_model(), service=service, version="1", output=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_at_the_last_file_leaves_nothing(
    make_model: MakeModel, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text = Path.write_text

    def fill_up(path: Path, text: str, **options: Any) -> int:
        if '"kind": "Release"' in text:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_text(path, text, **options)

    monkeypatch.setattr(Path, "write_text", fill_up)
    with pytest.raises(PackError, match="no room left"):
        pack(make_model(), service=service, version="1", output=tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_an_archive_whose_description_cannot_follow_it_goes_again(
    make_model: MakeModel, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def fail(path: Path, target: Path) -> Path:
        if target.name == "release.json":
            raise OSError(errno.EIO, "Input/output error", str(path), None, str(target))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(PackError, match=r"release\.json: cannot be packed: Input/output error"):
        pack(make_model(), service=service, version="1", output=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_names_the_folder_that_is_full(
    make_model: MakeModel, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_model()
    written: list[Path] = []

    def fail(source: Path, target: Path) -> None:
        written.append(target)
        raise OSError(errno.ENOSPC, "No space left on device", str(source), None, str(target))  # as shutil says it

    monkeypatch.setattr("mlgate_serving.pack.shutil.copyfile", fail)
    with pytest.raises(PackError) as caught:
        pack(folder, service=service, version="1", output=tmp_path / "out")
    assert str(caught.value).startswith(f"{tmp_path / 'out'}: no room left")
    assert all(path.is_relative_to(tmp_path / "out") for path in written)  # so that freeing room there is the remedy


def test_a_full_disk_does_not_touch_the_release_that_is_there(
    make_model: MakeModel, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = pack(make_model(), service=service, version="1", output=tmp_path)
    fill_disk(monkeypatch, errno.ENOSPC)
    with pytest.raises(PackError):
        pack(make_model(), service=service, version="1", output=tmp_path)
    assert Release.read(tmp_path) == release
    assert digest_file(tmp_path / release.archive) == release.archive_digest


def test_a_write_that_the_system_cuts_short_is_no_release(make_model: MakeModel, service: Service, tmp_path: Path) -> None:
    limited = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" + PACK_ELSEWHERE.replace(
        "os.umask(0o077)", "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, resource.RLIM_INFINITY))"
    )
    limited = (
        limited.replace("pack(Path", "import mlgate_serving.trial\nfrom mlgate import PackError\ntry: pack(Path")
        + "except PackError as error: sys.exit(str(error))"
    )
    command = [sys.executable, "-c", limited, make_model(), service.data_path("service.yaml"), tmp_path / "out"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "no room left to write" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list((tmp_path / "out").glob("*"))
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY


def test_what_a_killed_pack_left_is_removed_by_the_next_and_a_running_one_is_left_alone(
    make_model: MakeModel, service: Service, tmp_path: Path
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, namesake, running = (tmp_path / f".partial-{pid}" for pid in (ended.pid, os.getpid(), os.getppid()))
    for left in (dead, namesake, running):
        (left / "content").mkdir(parents=True)
        (left / "content" / "weights.pt").write_text("half")
    pack(make_model(), service=service, version="1", output=tmp_path)
    assert (dead.exists(), namesake.exists(), running.exists()) == (False, False, True)


def test_two_packs_into_one_output_do_not_mix(
    make_model: MakeModel, model_text: str, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first model, while it is tried, starts the pack of another into the same output."""
    monkeypatch.setattr("mlgate_serving.pack._LOCK_WAIT_S", 0.0)
    inner: list[BaseException] = []
    other = make_model(model_text + "# another\n")

    def try_both(content: Path, interface: Any) -> list[Problem]:
        with pytest.raises(BusyError, match="another mlgate packs there") as caught:
            pack(other, service=service, version="1", output=tmp_path)
        inner.append(caught.value)
        return []

    monkeypatch.setattr("mlgate_serving.trial.try_model", try_both)
    release = pack(make_model(), service=service, version="1", output=tmp_path)
    assert str(tmp_path) in str(inner[0])
    assert digest_file(tmp_path / "digits-1.mar") == release.archive_digest == Release.read(tmp_path).archive_digest


def test_an_output_that_cannot_be_written_is_named(make_model: MakeModel, service: Service, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PackError, match="file"):
        pack(make_model(), service=service, version="1", output=tmp_path / "file" / "out")
