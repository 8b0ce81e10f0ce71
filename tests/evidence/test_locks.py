"""One at a time, and who it is; held by the operating system, so that nothing has to be cleaned up."""

import getpass
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlgate.errors import BusyError, MlgateError, UsageError
from mlgate_evidence import locks
from mlgate_evidence.locks import current_user, endpoint_lock, lock_folder

URL = "http://127.0.0.1:8080"
_HOLD = """
import sys
from mlgate_evidence.locks import endpoint_lock
sys.argv = ["/usr/bin/mlgate", "gate", "service.yaml", "--candidate", "https://ada:secret@models.example.com"]
with endpoint_lock({url!r}, {{"MLGATE_CACHE": {cache!r}}}):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"MLGATE_CACHE": str(tmp_path / "cache")}


@pytest.fixture
def holder(environ: dict[str, str]) -> Any:
    """Another process that holds the lock of URL."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD.format(url=URL, cache=environ["MLGATE_CACHE"])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_two_gates_never_load_one_endpoint_at_once(environ: dict[str, str], holder: Any) -> None:
    with (
        pytest.raises(BusyError, match=f"process {holder.pid} of {current_user()} since 20.* is gating {URL}") as caught,
        endpoint_lock(URL, environ),
    ):
        pass
    assert "mlgate gate service.yaml" in caught.value.problem
    assert f"kill {holder.pid}" in caught.value.remedy


def test_the_message_holds_no_password(environ: dict[str, str], holder: Any) -> None:
    with pytest.raises(BusyError) as caught, endpoint_lock(URL, environ):
        pass
    assert "https://models.example.com" in caught.value.problem
    assert "secret" not in str(caught.value)
    assert holder.poll() is None


def test_a_lock_ends_with_its_holder_even_by_kill_9(environ: dict[str, str], holder: Any) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with endpoint_lock(URL, environ):
        pass


def test_another_endpoint_is_free_and_another_spelling_is_not(environ: dict[str, str], holder: Any) -> None:
    assert holder.poll() is None
    with endpoint_lock("http://127.0.0.1:8081", environ):
        pass
    with pytest.raises(BusyError), endpoint_lock("http://localhost:8080/", environ):
        pass


def test_a_lock_is_free_again_after_its_use_and_after_an_error(environ: dict[str, str]) -> None:
    for _ in range(2):
        with pytest.raises(RuntimeError), endpoint_lock(URL, environ):
            raise RuntimeError
    with endpoint_lock(URL, environ):
        pass


def test_a_note_that_is_not_there_yet_names_nobody(environ: dict[str, str]) -> None:
    with endpoint_lock(URL, environ):
        for note in lock_folder(environ).glob("*.json"):
            note.write_text("{")
        with (
            pytest.raises(BusyError, match=f"somebody who has just begun is gating {URL}, and two gates") as caught,
            endpoint_lock(URL, environ),
        ):
            pass
    assert "kill" not in caught.value.remedy


def test_a_note_that_finds_no_room_does_not_stop_the_holder(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with endpoint_lock(URL, environ), pytest.raises(BusyError, match="somebody who has just begun"), endpoint_lock(URL, environ):
        pass


def test_what_is_no_address_is_a_usage_error(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError), endpoint_lock("models.example.com", environ):
        pass


def test_a_folder_that_cannot_be_written_is_named_with_the_variable_that_moves_it(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(MlgateError, match="no lock can be taken") as caught, endpoint_lock(URL, {"MLGATE_CACHE": str(tmp_path / "cache")}):
        pass
    assert "MLGATE_CACHE" in caught.value.remedy


@pytest.mark.parametrize(
    ("platform", "environ", "folder"),
    [
        ("linux", {"MLGATE_CACHE": "/cache"}, "/cache/locks"),
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg/mlgate/locks"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "HOME/.cache/mlgate/locks"),
        ("linux", {}, "HOME/.cache/mlgate/locks"),
        ("darwin", {"XDG_CACHE_HOME": "/xdg"}, "HOME/Library/Caches/mlgate/locks"),
    ],
)
def test_locks_lie_where_the_system_keeps_a_users_cache(
    monkeypatch: pytest.MonkeyPatch, platform: str, environ: dict[str, str], folder: str
) -> None:
    monkeypatch.setattr(locks.sys, "platform", platform)
    assert str(lock_folder(environ)) == folder.replace("HOME", str(Path.home()))


@pytest.mark.parametrize("error", [KeyError("no such user"), OSError("no such user")])
def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def nameless() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert current_user() == f"user {os.getuid()}"
