"""Who signs: a private key in a file of its own, behind the interface that securesystemslib's signers (KMS among them) already have."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key, load_pem_public_key
from securesystemslib.signer import CryptoSigner, Key, Signature, SSlibKey  # type: ignore[attr-defined]

from mlgate.errors import EvidenceError

PublicKey = SSlibKey
_MAKE_KEY = "make a key: mlgate env local"


class Signer(Protocol):
    """Signs bytes with one key. `AWSSigner` and the other signers of securesystemslib fit as they are."""

    @property
    def public_key(self) -> Key:
        """What verifies the signatures; its `keyid` is the digest of the key."""

    def sign(self, payload: bytes) -> Signature:
        """The signature of `payload`, naming the key."""


class KeyFileSigner:
    """Signs with the Ed25519 or P-256 key in a PEM file (PKCS8) that only its owner may read.

    Raises EvidenceError where the file is missing, open to others, or holds no such key.
    """

    def __init__(self, path: Path) -> None:
        private = _read_private(path)
        self._public = private.public_key()
        self._signer = CryptoSigner(private, SSlibKey.from_crypto(self._public))

    @property
    def public_key(self) -> SSlibKey:
        return self._signer.public_key

    @property
    def keyid(self) -> str:
        """The digest of the public key, as `trust.yaml` and signatures name it."""
        return self.public_key.keyid

    @property
    def public_pem(self) -> str:
        """The public key as `trust.yaml` holds it."""
        return self._public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, payload: bytes) -> Signature:
        return self._signer.sign(payload)


def make_key(path: Path) -> KeyFileSigner:
    """A new Ed25519 key at `path` (mode 0600, its folder 0700), there whole or not at all.

    Raises EvidenceError where there is one already, or where it cannot be written.
    """
    # Written under another name and linked into place: a link never replaces what is there, and a kill leaves no half key under the name.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(CryptoSigner.generate_ed25519().private_bytes)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise EvidenceError(
                "there is a key already, and evidence is signed with it", where=str(path), remedy="use it, or move it away by hand first"
            ) from None
    except OSError as error:
        raise EvidenceError(f"the key cannot be written: {error.strerror}", where=str(path), remedy="make the folder writable") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return KeyFileSigner(path)


def read_public_key(pem: str) -> SSlibKey:
    """The public key in a PEM text. Raises ValueError for anything but Ed25519 and P-256."""
    try:
        public = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        public = None
    if isinstance(public, Ed25519PublicKey) or (isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256R1)):
        return SSlibKey.from_crypto(public)
    raise ValueError("public is not an Ed25519 or P-256 public key in PEM")


def _read_private(path: Path) -> Ed25519PrivateKey | EllipticCurvePrivateKey:
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            content = stream.read()
    except FileNotFoundError:
        raise EvidenceError("there is no signing key", where=str(path), remedy=_MAKE_KEY) from None
    except OSError as error:
        raise EvidenceError(f"the signing key cannot be read: {error.strerror}", where=str(path), remedy="let its owner sign") from None
    if mode & 0o077:
        raise EvidenceError(
            f"the signing key has mode {mode:04o}: others than its owner may read or change it",
            where=str(path),
            remedy=f"chmod 600 {path}",
        )
    try:
        private = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is encrypted
        private = None
    if isinstance(private, Ed25519PrivateKey) or (isinstance(private, EllipticCurvePrivateKey) and isinstance(private.curve, SECP256R1)):
        return private
    raise EvidenceError(
        "this is not a private Ed25519 or P-256 key in PEM (PKCS8, without a password)",
        where=str(path),
        remedy="move it away and make a key: mlgate env local",
    )
