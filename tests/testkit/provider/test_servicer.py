"""The protocol, asked as the engine asks it, over a real connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

from mlgate_testkit.provider.faults import Call, Faults
from mlgate_testkit.provider.servicer import Servicer
from mlgate_testkit.provider.values import UNKNOWN, Secret, from_struct, to_struct

from .notes import NotePackage

URN = "urn:pulumi:dev::shop::board$note:index:Note::hello"
Connect = Callable[..., Any]


class Engine(engine_pb2_grpc.EngineServicer):
    """Where warnings go."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def Log(self, request: Any, _context: Any) -> Any:  # noqa: N802
        self.said.append((request.urn, request.message))
        from google.protobuf import empty_pb2

        return empty_pb2.Empty()


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def connect(faults: Faults, engine: Engine) -> Iterator[Connect]:
    """A connection to one served package; each call opens another, configured as asked or, for None, not at all."""
    with ExitStack() as held:
        ports = []
        for add, servicer in (
            (provider_pb2_grpc.add_ResourceProviderServicer_to_server, Servicer(NotePackage(), faults)),
            (engine_pb2_grpc.add_EngineServicer_to_server, engine),
        ):
            server = grpc.server(ThreadPoolExecutor(8))
            add(servicer, server)
            ports.append(server.add_insecure_port("127.0.0.1:0"))
            server.start()
            held.callback(lambda server=server: server.stop(None).wait())

        def connected(shelf: str | None = "floor") -> Any:
            # Channels to one address share a connection unless told otherwise; the engine's, one a process, never do.
            options = [("grpc.use_local_subchannel_pool", 1)]
            channel = held.enter_context(grpc.insecure_channel(f"127.0.0.1:{ports[0]}", options=options))
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address=f"127.0.0.1:{ports[1]}"))
            if shelf is not None:
                stub.Configure(provider_pb2.ConfigureRequest(args=to_struct({"shelf": shelf})))
            return stub

        yield connected


def created(stub: Any, inputs: dict[str, Any], *, preview: bool = False) -> tuple[str, dict[str, Any]]:
    answer = stub.Create(provider_pb2.CreateRequest(urn=URN, properties=to_struct(inputs), preview=preview))
    return answer.id, from_struct(answer.properties)


def refused(ask: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as error:
        ask()
    return error.value.code(), error.value.details()


def test_what_is_created_has_an_identity_and_outputs(connect: Connect) -> None:
    assert created(connect(), {"text": "hello"}) == ("1", {"text": "hello", "number": 1, "shelf": "floor", "seal": Secret("seal of 1")})


def test_a_preview_knows_no_identity_and_says_what_is_unknown(connect: Connect) -> None:
    assert created(connect(), {"text": UNKNOWN}, preview=True) == ("", {"text": UNKNOWN, "number": UNKNOWN})


def test_a_secret_input_reaches_the_provider_opened(connect: Connect) -> None:
    assert created(connect(), {"text": Secret("hello")})[1]["text"] == "hello"


def test_two_connections_keep_two_configurations_apart(connect: Connect) -> None:
    upper, lower = connect("upper"), connect("lower")
    assert [created(stub, {"text": "x"})[1]["shelf"] for stub in (upper, lower, upper)] == ["upper", "lower", "upper"]


def test_a_connection_that_nobody_configured_is_refused_by_name(connect: Connect) -> None:
    code, said = refused(lambda: created(connect(None), {"text": "x"}))
    assert (code, said) == (grpc.StatusCode.FAILED_PRECONDITION, "note: the engine did not configure this connection")


def test_a_check_fills_in_defaults_and_names_what_is_wrong(connect: Connect) -> None:
    answer = connect().Check(provider_pb2.CheckRequest(urn=URN, news=to_struct({})))
    assert from_struct(answer.inputs) == {"colour": "yellow"}
    assert [(failure.property, failure.reason) for failure in answer.failures] == [("text", "a note has a text")]


def test_what_is_wrong_inside_of_an_input_says_where_and_has_no_value_that_the_engine_would_look_for(connect: Connect) -> None:
    news = {"text": "hello", "pages": [{"lines": ["a"]}, {"lines": []}]}
    answer = connect().Check(provider_pb2.CheckRequest(urn=URN, news=to_struct(news)))
    assert [(failure.property, failure.reason) for failure in answer.failures] == [("", "pages[1].lines: has none")]


@pytest.mark.parametrize(("shelf", "wrong"), [("attic", ["no such shelf"]), ("floor", []), (UNKNOWN, [])])
def test_a_configuration_is_checked_once_it_is_known(connect: Connect, shelf: Any, wrong: list[str]) -> None:
    answer = connect(None).CheckConfig(provider_pb2.CheckRequest(news=to_struct({"shelf": shelf})))
    assert [failure.reason for failure in answer.failures] == wrong


def test_a_difference_says_what_changed_how_and_what_needs_a_new_resource(connect: Connect) -> None:
    olds, news = {"text": "a", "colour": "red", "tags": {"a.b": "1"}}, {"text": "b", "colour": "blue", "tags": {}}
    request = provider_pb2.DiffRequest(id="1", urn=URN, old_inputs=to_struct(olds), olds=to_struct(olds), news=to_struct(news))
    answer = connect().Diff(request)
    kinds = {path: provider_pb2.PropertyDiff.Kind.Name(change.kind) for path, change in answer.detailedDiff.items()}
    assert kinds == {"text": "UPDATE", "colour": "UPDATE_REPLACE", 'tags["a.b"]': "DELETE"}
    assert (list(answer.diffs), list(answer.replaces)) == (["colour", "tags", "text"], ["colour"])
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME


def test_no_difference_is_said_as_such(connect: Connect) -> None:
    same = to_struct({"text": "a"})
    answer = connect().Diff(provider_pb2.DiffRequest(id="1", urn=URN, old_inputs=same, olds=same, news=same))
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_resource_is_read_changed_and_removed(connect: Connect) -> None:
    stub = connect()
    resource_id, outputs = created(stub, {"text": "a", "colour": "red"})
    update = provider_pb2.UpdateRequest(id=resource_id, urn=URN, olds=to_struct(outputs), news=to_struct({"text": "b"}))
    assert from_struct(stub.Update(update).properties)["text"] == "b"
    found = stub.Read(provider_pb2.ReadRequest(id=resource_id, urn=URN))
    assert (found.id, from_struct(found.inputs)) == (resource_id, {"text": "b", "colour": "red"})
    stub.Delete(provider_pb2.DeleteRequest(id=resource_id, urn=URN))
    assert stub.Read(provider_pb2.ReadRequest(id=resource_id, urn=URN)).id == ""


def test_what_the_cloud_refuses_is_told_in_its_words(connect: Connect) -> None:
    assert refused(lambda: created(connect(), {"text": "forbidden"})) == (grpc.StatusCode.UNKNOWN, "a note must not say 'forbidden'")


def test_what_is_half_done_comes_back_with_its_identity_and_the_reasons(connect: Connect) -> None:
    with pytest.raises(grpc.RpcError) as error:
        created(connect(), {"text": "crooked"})
    (detail,) = (value for key, value in error.value.trailing_metadata() if key == "grpc-status-details-bin")
    half = provider_pb2.ErrorResourceInitFailed()
    assert status_pb2.Status.FromString(detail).details[0].Unpack(half)
    assert (half.id, list(half.reasons)) == ("1", ["it hangs crooked"])
    assert from_struct(half.properties)["number"] == 1


def test_a_mistake_of_the_simulation_is_told_as_one_with_its_place(connect: Connect) -> None:
    stub = connect()
    created(stub, {"text": "a"})
    code, said = refused(lambda: stub.Read(provider_pb2.ReadRequest(id="1", urn=URN)))
    assert code == grpc.StatusCode.INTERNAL
    assert said.startswith("the simulated provider note is at fault: KeyError: 'colour' (notes.py:")


def test_a_warning_reaches_the_engine_at_its_resource(connect: Connect, engine: Engine) -> None:
    created(connect(), {"text": "a"})
    assert engine.said == [(URN, "note 1 hangs")]


def test_a_function_answers(connect: Connect) -> None:
    answer = connect().Invoke(provider_pb2.InvokeRequest(tok="note:index:count", args=to_struct({"of": "all"})))
    assert from_struct(getattr(answer, "return")) == {"count": 0, "preview": False, "of": "all"}


def test_the_third_create_of_a_type_fails_on_order_and_the_fourth_does_not(connect: Connect, faults: Faults) -> None:
    stub = connect()
    faults.fail("create", "note:index:Note", nth=3, message="no more paper")
    faults.fail("create", "note:index:Pen")
    for _ in range(2):
        created(stub, {"text": "a"})
    assert refused(lambda: created(stub, {"text": "a"})) == (grpc.StatusCode.UNKNOWN, "no more paper")
    assert created(stub, {"text": "a"})[0] == "3"


def test_an_order_is_met_once_it_acted_however_often_it_could_have(connect: Connect, faults: Faults) -> None:
    stub = connect()
    faults.fail("create", nth=2, times=9)
    assert faults.unmet() == ["fail('create', nth=2): 0 such requests came"]
    created(stub, {"text": "a"}, preview=True)
    created(stub, {"text": "a"})
    assert faults.unmet() == ["fail('create', nth=2): 1 such requests came"]
    refused(lambda: created(stub, {"text": "a"}))
    assert faults.unmet() == []
    faults.fail("delete")
    faults.clear()
    assert faults.unmet() == []


def test_an_order_behind_another_says_how_many_requests_came(connect: Connect, faults: Faults) -> None:
    stub = connect()
    faults.fail("create")
    faults.fail("create")
    refused(lambda: created(stub, {"text": "a"}))
    assert faults.unmet() == ["fail('create'): 1 such requests came"]


def test_previews_neither_count_nor_fail(connect: Connect, faults: Faults) -> None:
    stub = connect()
    faults.fail("create")
    created(stub, {"text": "a"}, preview=True)
    assert refused(lambda: created(stub, {"text": "a"}))[1] == "refused on order"
    assert [call.preview for call in faults.calls() if call.operation == "create"] == [True, False]


def test_an_answer_lost_afterwards_leaves_the_thing_in_the_cloud(connect: Connect, faults: Faults) -> None:
    stub = connect()
    faults.fail("create", how="refuse afterwards", message="connection reset")
    assert refused(lambda: created(stub, {"text": "a", "colour": "red"})) == (grpc.StatusCode.UNAVAILABLE, "connection reset")
    assert stub.Read(provider_pb2.ReadRequest(id="1", urn=URN)).id == "1"


def test_a_hanging_request_ends_when_the_user_cancels(connect: Connect, faults: Faults) -> None:
    stub = connect()
    faults.fail("create", how="hang")
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(refused, lambda: created(stub, {"text": "a"}))
        while Call("create", "note:index:Note", "hello", preview=False) not in faults.calls():
            assert not hanging.done()
        stub.Cancel(provider_pb2_grpc.google_dot_protobuf_dot_empty__pb2.Empty())
        assert hanging.result(10)[1] == "refused on order"


def test_the_requests_of_another_engine_go_on(connect: Connect, faults: Faults) -> None:
    one, other = connect(), connect()
    faults.fail("create", how="hang")
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(refused, lambda: created(one, {"text": "a"}))
        while not faults.calls():
            assert not hanging.done()
        other.Cancel(provider_pb2_grpc.google_dot_protobuf_dot_empty__pb2.Empty())
        with pytest.raises(TimeoutError):
            hanging.result(0.3)
        one.Cancel(provider_pb2_grpc.google_dot_protobuf_dot_empty__pb2.Empty())
        assert hanging.result(10)[1] == "refused on order"


def test_a_request_whose_engine_is_gone_before_its_turn_is_not_begun(faults: Faults) -> None:
    servicer = Servicer(NotePackage(), faults)

    class Ended:
        """The context of a call that has ended."""

        def peer(self) -> str:
            return "ipv4:127.0.0.1:1"

        def add_callback(self, _callback: Any) -> bool:
            return False

        def abort(self, _code: Any, details: str) -> None:
            raise RuntimeError(details)

        def code(self) -> Any:
            return grpc.StatusCode.CANCELLED

    servicer.Configure(provider_pb2.ConfigureRequest(args=to_struct({"shelf": "floor"})), Ended())
    with pytest.raises(RuntimeError, match="cancelled before it was begun"):
        servicer.Create(provider_pb2.CreateRequest(urn=URN, properties=to_struct({"text": "a"})), Ended())
    assert not faults.calls()
