"""HTTPS with an authority of one's own and client certificates, by the probe and by the worker."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mlgate.errors import EndpointError
from mlgate.interface import Auth, Interface
from mlgate_loadtests.probe import probe
from mlgate_loadtests.target import Target

from .driving import run


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder, and what it signed: `server` for 127.0.0.1, `client`."""

    folder: Path

    def path(self, name: str) -> str:
        return str(self.folder / name)


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    folder = tmp_path_factory.mktemp("authority")
    now = datetime.datetime.now(datetime.UTC)
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("ca", "server", "client")}
    names = {name: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in keys}
    for name, key in keys.items():
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[name])
            .issuer_name(names["ca"])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=name == "ca", path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys["ca"].public_key()), critical=False)
        )
        if name == "server":
            alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
            builder = builder.add_extension(alternative, critical=False)
        certificate = builder.sign(keys["ca"], hashes.SHA256())
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / f"{name}.key").write_bytes(pem)
    return Authority(folder)


@pytest.fixture
def guarded(authority, loopback) -> Iterator[object]:
    """An endpoint that speaks TLS and asks for a client certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.path("server.pem"), authority.path("server.key"))
    context.load_verify_locations(authority.path("ca.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    server = loopback(tls=context)
    yield server
    server.close()


AUTH = Auth(ca="TOY_CA", client_certificate="TOY_CERTIFICATE", client_key="TOY_KEY")


@pytest.fixture
def environ(authority, monkeypatch) -> dict[str, str]:
    values = {"TOY_CA": authority.path("ca.pem"), "TOY_CERTIFICATE": authority.path("client.pem"), "TOY_KEY": authority.path("client.key")}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


def test_the_worker_and_the_probe_trust_the_authority_and_show_their_certificate(guarded, environ, make_job, interface):
    job = make_job(
        10,
        gap_ms=60,
        targets={"candidate": guarded.url},
        interface=Interface.model_validate({**interface.model_dump(), "auth": AUTH.model_dump()}),
    )
    rows = run(job)
    assert set(rows["error"].to_pylist()) == {None}
    assert rows.num_rows == 10
    assert guarded.connections < 10  # kept alive, as without TLS
    assert probe(Target.of(guarded.url, AUTH, environ), job.requests[0].request).status == 200


def test_an_authority_that_nobody_named_is_asked_for(guarded, make_job):
    request = make_job(1).requests[0].request
    with pytest.raises(EndpointError, match="certificate is not trusted") as caught:
        probe(Target.of(guarded.url, Auth()), request)
    assert "interface.auth.ca" in str(caught.value)


def test_a_missing_client_certificate_is_asked_for(guarded, environ, make_job):
    request = make_job(1).requests[0].request
    with pytest.raises(EndpointError) as caught:
        probe(Target.of(guarded.url, Auth(ca="TOY_CA"), environ), request)
    assert "interface.auth.client_certificate" in str(caught.value)


def test_without_trust_every_row_is_a_connection_error(guarded, make_job):
    errors = run(make_job(3, targets={"candidate": guarded.url}))["error"].to_pylist()
    assert len(errors) == 3
    assert all(error.startswith("connection: ") and "certificate" in error.lower() for error in errors)
