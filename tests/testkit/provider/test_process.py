"""A provider as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import psutil
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from mlgate.errors import ProcessError, UsageError
from mlgate_testkit.provider.process import ProviderProcess
from mlgate_testkit.provider.values import to_struct

from .notes import NOTE

ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parent)}
URN = "urn:pulumi:dev::shop::note:index:Note::hello"


@pytest.fixture
def notes() -> Iterator[ProviderProcess]:
    with ProviderProcess("note", "notes:NotePackage", environment=ENVIRONMENT) as process:
        yield process


def create(process: ProviderProcess) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{process.port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        stub.Configure(provider_pb2.ConfigureRequest())
        stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
        stub.Create(provider_pb2.CreateRequest(urn=URN, properties=to_struct({"text": "a"})))


def test_it_serves_on_loopback_and_its_controls_answer(notes: ProviderProcess) -> None:
    create(notes)
    assert notes.call("kept") == ["1"]
    listening = [each.laddr for each in psutil.Process(notes.pid).net_connections() if each.status == psutil.CONN_LISTEN]
    assert [(address.ip.removeprefix("::ffff:"), address.port) for address in listening] == [("127.0.0.1", notes.port)]


def test_a_control_takes_values_in_their_order_too(notes: ProviderProcess) -> None:
    notes.call("fail", "create", message="no paper")
    with pytest.raises(grpc.RpcError, match="no paper"):
        create(notes)


def test_the_calls_that_arrived_are_told(notes: ProviderProcess) -> None:
    create(notes)
    assert [call.name for call in notes.calls("create", "note:index:Note")] == ["hello"]
    assert notes.calls("delete") == []
    notes.call("clear")
    assert notes.calls() == []


def test_a_fault_is_ordered_from_outside(notes: ProviderProcess) -> None:
    notes.call("fail", operation="create", message="no paper")
    with pytest.raises(grpc.RpcError, match="no paper"):
        create(notes)


def test_orders_that_nothing_came_for_are_told_those_of_the_package_too(notes: ProviderProcess) -> None:
    assert notes.call("unmet") == ["a note on order"]
    notes.call("fail", operation="create", token=NOTE, nth=2)
    create(notes)
    assert notes.call("unmet") == ["fail('create', 'note:index:Note', nth=2): 1 such requests came", "a note on order"]
    with pytest.raises(grpc.RpcError):
        create(notes)
    assert notes.call("unmet") == ["a note on order"]


def test_it_works_in_the_folder_it_is_told(notes: ProviderProcess, tmp_path: Path) -> None:
    notes.call("work_in", folder=str(tmp_path))
    assert psutil.Process(notes.pid).cwd() == str(tmp_path)
    with pytest.raises(ProcessError, match="No such file or directory"):
        notes.call("work_in", folder=str(tmp_path / "gone"))


@pytest.mark.parametrize(
    ("control", "arguments", "kind", "said"),
    [
        ("burn", {}, ProcessError, "note has no control 'burn'"),
        ("configure", {"inputs": {}}, ProcessError, "note has no control 'configure'"),
        ("shelve", {"shelf": "upper"}, ProcessError, "ValueError: upper is full"),
        ("shelve", {"shelf": "b", "shelves": 2}, UsageError, r"unexpected keyword argument 'shelves'\n  -> its form is shelve\(shelf\)"),
        ("fail", {"operation": "creat"}, UsageError, "'creat' is not one of check, diff, create"),
        ("fail", {"operation": "create", "nth": 0}, UsageError, "count from 1"),
        ("fail", {"operation": "create", "token": "note:index:Nota"}, UsageError, "note has no type note:index:Nota"),
    ],
)
def test_a_control_that_cannot_be_carried_out_says_why_and_the_process_goes_on(
    notes: ProviderProcess, control: str, arguments: dict[str, object], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        notes.call(control, **arguments)
    assert notes.call("kept") == []


def test_one_that_dies_on_order_is_told_at_the_next_call(notes: ProviderProcess) -> None:
    notes.call("fail", operation="create", how="die")
    with pytest.raises(grpc.RpcError):
        create(notes)
    with pytest.raises(ProcessError, match="ended by signal 9"):
        notes.call("kept")
    assert not notes.alive


@pytest.mark.parametrize(("package", "said"), [("nothing_there:X", "nothing_there"), ("notes:Absent", "Absent")])
def test_one_that_cannot_start_says_what_python_said(package: str, said: str) -> None:
    with pytest.raises(ProcessError, match=said):
        ProviderProcess("note", package, environment=ENVIRONMENT)


def test_it_ends_when_whoever_started_it_is_killed() -> None:
    program = (
        "import sys; from mlgate_testkit.provider.process import ProviderProcess\n"
        "process = ProviderProcess('note', 'notes:NotePackage'); print(process.pid, flush=True); sys.stdin.read()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **ENVIRONMENT}
    )
    assert owner.stdin
    assert owner.stdout
    with owner:
        provider = psutil.Process(int(owner.stdout.readline()))
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        assert not psutil.wait_procs([provider], timeout=20)[1]
