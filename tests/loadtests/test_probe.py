"""The first request: whatever keeps an endpoint from being judged is named with its address and what to do."""

from __future__ import annotations

import socket
import socketserver
import threading

import pytest

from mlgate.errors import EndpointError
from mlgate.interface import Auth
from mlgate_loadtests.probe import probe
from mlgate_loadtests.target import Target
from mlgate_serving.clients import Request

REQUEST = Request("POST", "/predictions/toy", (), b"{}")
BEARER = Auth(bearer="TOY_TOKEN")


def refusal(url: str, auth: Auth = Auth(), **options: float) -> str:  # noqa: B008
    with pytest.raises(EndpointError) as caught:
        probe(Target.of(url, auth, {"TOY_TOKEN": "open-sesame"}), REQUEST, **options)
    text = str(caught.value)
    assert text.startswith(url)
    assert "\n  -> " in text
    assert "open-sesame" not in text
    return text


def test_an_answer_of_any_kind_is_given_back(endpoint):
    answer = probe(Target.of(endpoint.url, BEARER, {"TOY_TOKEN": "open-sesame"}), REQUEST)
    assert (answer.status, answer.headers["x-mlgate-release"]) == (200, "sha256:" + "a" * 64)
    assert endpoint.calls[0].headers["authorization"] == "Bearer open-sesame"

    async def unavailable(call):
        call.send(503, {"message": "busy"})

    endpoint.answer = unavailable
    assert probe(Target.of(endpoint.url, Auth()), REQUEST).status == 503


def test_nobody_listening():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        text = refusal(f"http://127.0.0.1:{free.getsockname()[1]}")
    assert "Connection refused" in text
    assert "start the endpoint" in text


def test_no_such_host():
    assert "cannot be reached" in refusal("http://nobody.invalid:80")


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (401, {}),
        (403, {}),
        (400, {"type": "InvalidKeyException", "message": "Token Authorization failed. Token either incorrect, expired"}),
    ],
)
def test_a_token_that_is_missing_or_wrong_is_asked_for_by_its_key_in_the_declaration(endpoint, status, document):
    async def guard(call):
        call.send(status, document)

    endpoint.answer = guard
    without = refusal(endpoint.url)
    assert f"answered {status}" in without
    assert "declare interface.auth.bearer: ENDPOINT_TOKEN" in without
    assert "export ENDPOINT_TOKEN=..." in without
    assert "the token in TOY_TOKEN was refused" in refusal(endpoint.url, BEARER)


def test_a_bad_request_that_has_nothing_to_do_with_tokens_is_an_answer(endpoint):
    async def refuse(call):
        call.send(400, {"message": "bad row"})

    endpoint.answer = refuse
    assert probe(Target.of(endpoint.url, Auth()), REQUEST).status == 400


def test_an_unknown_path_names_what_decides_it(endpoint):
    async def unknown(call):
        call.send(404, {})

    endpoint.answer = unknown
    text = refusal(endpoint.url)
    assert "404 to POST /predictions/toy" in text
    assert "metadata.name" in text


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_named_with_where_it_leads_and_not_followed(endpoint, status):
    async def elsewhere(call):
        call.send(status, {}, location="https://models.example.com/predictions/toy?key=open-sesame")

    endpoint.answer = elsewhere
    text = refusal(endpoint.url, BEARER)
    assert f"answered {status} to POST /predictions/toy: go to https://models.example.com/predictions/toy?key=[redacted]" in text
    assert "name the address that this leads to" in text
    assert len(endpoint.calls) == 1


def test_a_redirect_that_leads_nowhere(endpoint):
    async def elsewhere(call):
        call.send(303, {})

    endpoint.answer = elsewhere
    assert "go to a place that it does not name" in refusal(endpoint.url)


def test_something_that_is_not_http(endpoint):
    async def ssh(call):
        call.send_raw(b"SSH-2.0-OpenSSH_9.2\r\n")
        call.writer.close()

    endpoint.answer = ssh
    assert "does not speak HTTP/1.1" in refusal(endpoint.url)


def test_silence(endpoint):
    async def never(call):
        pass

    endpoint.answer = never
    assert "no answer within 0.1 s" in refusal(endpoint.url, timeout_s=0.1)


def test_https_to_a_plain_port():
    class Plain(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1)
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Plain) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        assert "check http against https" in refusal(f"https://127.0.0.1:{server.server_address[1]}")
        answering.join()


def test_hanging_up_without_an_answer(endpoint):
    async def hang_up(call):
        call.hang_up()

    endpoint.answer = hang_up
    assert "cut before an answer" in refusal(endpoint.url)
