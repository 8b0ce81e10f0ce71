"""The certificates of one cluster: its authority, who serves, who calls, and the front proxy by which the API server calls extensions.

All of them are made for one cluster and lie in its folder, readable by its owner alone. Keys are ECDSA P-256: six of them take
milliseconds.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID_FOR = datetime.timedelta(days=365)
_CLOCK_SKEW = datetime.timedelta(minutes=5)
# Whom a server of the cluster may be called as: from outside and from its own network by address, by KEDA and the API server by name.
_SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "keda-operator.keda.svc",
    "keda-metrics-apiserver.keda.svc",
)
_SERVER_ADDRESSES = ("127.0.0.1", "10.96.0.1")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, as files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """`server`: of everything that listens. `admin`: a client in the group `system:masters`. `accounts`: signs service accounts' tokens.

    `etcd`: the client that etcd lets in. `proxy`: the client by which the API server calls an extension on somebody's behalf, of an
    authority of its own, `proxy_authority`, so that no ordinary client can claim to be it.
    """

    authority: Path
    server: Pair
    admin: Pair
    etcd: Pair
    accounts: Pair
    proxy: Pair
    proxy_authority: Path


def certificates_in(folder: Path) -> Certificates:
    """Where they lie in `folder`."""

    def pair(file: str) -> Pair:
        return Pair(folder / f"{file}.crt", folder / f"{file}.key")

    return Certificates(
        authority=folder / "ca.crt",
        server=pair("server"),
        admin=pair("admin"),
        etcd=pair("etcd-client"),
        accounts=pair("service-accounts"),
        proxy=pair("front-proxy-client"),
        proxy_authority=folder / "front-proxy-ca.crt",
    )


def make_certificates(folder: Path) -> Certificates:
    """Make them in `folder`. Raises OSError where it cannot be written."""
    folder.mkdir(mode=0o700)
    files = certificates_in(folder)
    cluster = _Authority("mlgate-testkit", files.authority)
    cluster.issue(files.server, common="mlgate-testkit-server", serves=True)
    cluster.issue(files.admin, common="mlgate-testkit-admin", group="system:masters")
    cluster.issue(files.etcd, common="kube-apiserver")
    cluster.issue(files.accounts, common="service-accounts")
    _Authority("mlgate-testkit-front-proxy", files.proxy_authority).issue(files.proxy, common="front-proxy-client")
    return files


class _Authority:
    """Issues certificates; its key lives no longer than the call that made it."""

    def __init__(self, name: str, path: Path) -> None:
        self.path = path
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
        )
        _write(path, builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(self, pair: Pair, *, common: str, group: str | None = None, serves: bool = False) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else []
        subject = x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, common)])
        # etcd calls itself with the certificate it serves with, so a server's is a client's too.
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if serves else [])]
        builder = (
            _builder(subject, self._name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        )
        if serves:
            builder = builder.add_extension(x509.SubjectAlternativeName(_server_names(_SERVER_NAMES, _SERVER_ADDRESSES)), critical=False)
        _write(pair.certificate, builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        _write(
            pair.key,
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()),
        )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _VALID_FOR)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _server_names(names: Sequence[str], addresses: Sequence[str]) -> list[x509.GeneralName]:
    return [*(x509.DNSName(name) for name in names), *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses)]


def _write(path: Path, content: bytes) -> None:
    """Readable by nobody else from the first byte on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
