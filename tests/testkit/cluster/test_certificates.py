"""A cluster's certificates: who may be whom, and who may read them."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from mlgate_testkit.cluster.certificates import Certificates, Pair, certificates_in, make_certificates


@pytest.fixture
def made(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path / "pki")


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_nobody_else_can_read_them(made: Certificates) -> None:
    folder = made.authority.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_they_are_found_where_they_were_made(made: Certificates) -> None:
    assert certificates_in(made.authority.parent) == made
    pairs = [getattr(made, name) for name in ("server", "admin", "etcd", "accounts", "proxy")]
    assert all(pair.certificate.is_file() and pair.key.is_file() for pair in pairs)


def test_the_administrator_is_one_by_group(made: Certificates) -> None:
    subject = read(made.admin.certificate).subject
    assert [value.value for value in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["system:masters"]


def test_no_authority_signed_what_is_the_others(made: Certificates) -> None:
    cluster, proxy = read(made.authority), read(made.proxy_authority)
    read(made.proxy.certificate).verify_directly_issued_by(proxy)
    with pytest.raises(ValueError, match="Issuer"):
        read(made.proxy.certificate).verify_directly_issued_by(cluster)
    for pair in (made.server, made.admin, made.etcd):
        read(pair.certificate).verify_directly_issued_by(cluster)


def test_a_server_is_known_by_address_and_name_and_a_client_is_no_server(made: Certificates) -> None:
    for pair, name, accepted in (
        (made.server, "127.0.0.1", True),
        (made.server, "keda-metrics-apiserver.keda.svc", True),
        (made.server, "example.com", False),
        (made.admin, "127.0.0.1", False),
    ):
        assert handshake(made.authority, pair, name) is accepted


def handshake(authority: Path, pair: Pair, name: str) -> bool:
    """Whether a client that trusts `authority` takes `pair` for the server `name`, in memory."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pair.certificate, pair.key)
    client = ssl.create_default_context(cafile=str(authority))
    asked, answered = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(answered, asked, server_hostname=name), server.wrap_bio(asked, answered, server_side=True)]
    try:
        for _ in range(4):
            for end in ends:
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
    except ssl.SSLError:
        return False
    return ends[0].version() is not None
