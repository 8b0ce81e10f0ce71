"""Targets: addresses, and secrets that come from the environment and are never shown."""

from __future__ import annotations

import pytest

from mlgate.errors import UsageError
from mlgate.interface import Auth
from mlgate_loadtests.target import Target
from mlgate_serving.clients import Request

AUTH = Auth(bearer="TOKEN", headers={"X-Key": "KEY"})


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://127.0.0.1:8080", ("http", "127.0.0.1", 8080, "")),
        ("http://models.example/", ("http", "models.example", 80, "")),
        ("https://models.example/v1/", ("https", "models.example", 443, "/v1")),
        ("http://[::1]:9000/a/b", ("http", "::1", 9000, "/a/b")),
    ],
)
def test_an_address_is_taken_apart(url, parts):
    target = Target.of(url, Auth(), {})
    assert (target.scheme, target.host, target.port, target.path) == parts
    assert (target.tls is not None) == (target.scheme == "https")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8080",
        "ftp://a",
        "http://",
        "http://a:99999",
        "http://a:x",
        "http://a/#b",
        "http://a b",
        "http://[::1",
        "http://ä.example",
        "http://a/\r\nx: y",
    ],
)
def test_what_is_no_address_is_refused_with_what_is_one(url):
    with pytest.raises(UsageError) as caught:
        Target.of(url, Auth(), {})
    assert "http:// or https://" in str(caught.value)


@pytest.mark.parametrize("url", ["http://user:open-sesame@a/", "http://a/?key=open-sesame"])
def test_an_address_with_a_secret_in_it_is_refused_without_repeating_it(url):
    with pytest.raises(UsageError, match=r"interface\.auth") as caught:
        Target.of(url, Auth(), {})
    assert "open-sesame" not in str(caught.value)


def test_all_missing_variables_are_named_at_once_with_the_line_to_export():
    with pytest.raises(UsageError) as caught:
        Target.of("http://a", AUTH, {"KEY": ""})
    assert "export TOKEN=..." in str(caught.value)
    assert "export KEY=..." in str(caught.value)


def test_a_secret_that_no_header_can_hold_is_refused_without_repeating_it():
    with pytest.raises(UsageError, match="TOKEN holds a line break") as caught:
        Target.of("http://a", AUTH, {"KEY": "k", "TOKEN": "open-sesame\r\nx: y"})
    assert "open-sesame" not in str(caught.value)


def test_secrets_are_in_no_representation_and_are_redacted_from_what_the_endpoint_says():
    target = Target.of("http://a", AUTH, {"KEY": "key-1", "TOKEN": "token-2"})
    assert dict(target.headers) == {"authorization": "Bearer token-2", "x-key": "key-1"}
    for text in (repr(target), str(target), target.redact("key-1 and Bearer token-2")):
        assert "key-1" not in text
        assert "token-2" not in text


def test_the_wire_form_is_http_1_1_with_every_header_once():
    target = Target.of("http://127.0.0.1:8080/base", AUTH, {"KEY": "k", "TOKEN": "t"})
    head, _, body = target.wire(Request("POST", "/predictions/a", (("content-type", "application/json"),), b"{}")).partition(b"\r\n\r\n")
    first, *headers = head.decode().split("\r\n")
    assert first == "POST /base/predictions/a HTTP/1.1"
    assert sorted(headers) == [
        "accept: application/json",
        "authorization: Bearer t",
        "content-length: 2",
        "content-type: application/json",
        "host: 127.0.0.1:8080",
        "user-agent: mlgate",
        "x-key: k",
    ]
    assert body == b"{}"


@pytest.mark.parametrize(
    ("url", "host"), [("http://a:80", "a"), ("https://a", "a"), ("https://a:80", "a:80"), ("http://[::1]:1", "[::1]:1")]
)
def test_the_host_header_names_a_port_only_where_it_is_not_the_standard_one(url, host):
    wire = Target.of(url, Auth(), {}).wire(Request("GET", "/", (), b""))
    assert f"host: {host}\r\n".encode() in wire


def test_pem_files_that_are_missing_or_none_are_named_by_their_variable(tmp_path):
    with pytest.raises(UsageError, match="which CA names, is no file"):
        Target.of("https://a", Auth(ca="CA"), {"CA": str(tmp_path / "absent.pem")})
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(UsageError, match="the PEM files that CA name cannot be used") as told:
        Target.of("https://a", Auth(ca="CA"), {"CA": str(tmp_path / "ca.pem")})
    assert told.value.remedy == "give PEM files: a CA bundle, a certificate, and its key without a password"
