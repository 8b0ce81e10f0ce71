import os
import socket
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgate.errors import ProcessError
from mlgate_serving import ports


@given(count=st.integers(0, 40))
@settings(max_examples=20, deadline=None)
def test_free_ports_are_different_and_can_be_listened_on(count: int) -> None:
    chosen = ports.free_ports(count)
    assert len(set(chosen)) == count
    assert all(ports.port_is_free(port) for port in chosen)


def test_ports_that_are_kept_for_somebody_are_not_given_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_CHOICE", range(20_000, 20_004))
    monkeypatch.setattr(ports, "port_is_free", lambda port: True)
    assert set(ports.free_ports(2, but={20_001, 20_002})) == {20_000, 20_003}


def test_free_ports_stay_out_of_the_range_of_outgoing_connections() -> None:
    assert all(1024 <= port < 32_768 for port in ports.free_ports(50))


def test_a_port_with_a_listener_is_not_free_and_its_holder_is_named() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        assert not ports.port_is_free(port)
        assert str(os.getpid()) in ports.port_holder(port)
    assert ports.port_is_free(port)
    assert ports.port_holder(port) == "another process"


def test_a_port_taken_on_every_address_is_not_free_on_loopback() -> None:
    with closing(socket.create_server(("", 0))) as server:
        assert not ports.port_is_free(server.getsockname()[1])


def test_a_port_that_a_server_just_left_is_free_again() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        with closing(socket.create_connection(("127.0.0.1", port))) as client:
            served, _ = server.accept()
            served.close()  # the server's side goes to TIME_WAIT
            assert client.recv(1) == b""
    assert ports.port_is_free(port)


def test_no_free_port_is_an_error_that_says_where_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "port_is_free", lambda port: False)
    with pytest.raises(ProcessError, match="found 0 free ports of the 2 needed") as caught:
        ports.free_ports(2)
    assert "ss -ltn" in caught.value.remedy
