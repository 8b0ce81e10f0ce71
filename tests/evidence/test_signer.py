"""Keys: made once, for one pair of eyes, and read only so."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from securesystemslib.signer import CryptoSigner

from mlgate.errors import EvidenceError
from mlgate_evidence.signer import KeyFileSigner, make_key, read_public_key


def write_key(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_made_key_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "keys" / "signing.pem"
    make_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert [entry.name for entry in path.parent.iterdir()] == ["signing.pem"]


def test_a_made_key_is_never_readable_by_others_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_key(tmp_path / "signing.pem")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "signing.pem").stat().st_mode) == 0o600


def test_a_key_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    made = make_key(path)
    with pytest.raises(EvidenceError, match="a key already"):
        make_key(path)
    assert KeyFileSigner(path).keyid == made.keyid
    assert [entry.name for entry in tmp_path.iterdir()] == ["signing.pem"]


def test_what_a_killed_process_of_the_same_number_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / f".signing.pem.{os.getpid()}").write_bytes(b"half a key")
    assert make_key(tmp_path / "signing.pem").keyid


def test_a_key_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file where the folder should be")
    with pytest.raises(EvidenceError, match="cannot be written") as caught:
        make_key(tmp_path / "keys" / "signing.pem")
    assert caught.value.where == str(tmp_path / "keys" / "signing.pem")


def test_the_keyid_is_the_same_each_time_and_different_for_each_key(tmp_path: Path) -> None:
    one, two = make_key(tmp_path / "one.pem"), make_key(tmp_path / "two.pem")
    assert one.keyid == KeyFileSigner(tmp_path / "one.pem").keyid
    assert one.keyid != two.keyid
    assert read_public_key(one.public_pem).keyid == one.keyid


def test_a_p256_key_signs_as_well(tmp_path: Path) -> None:
    signer = KeyFileSigner(write_key(tmp_path / "key.pem", CryptoSigner.generate_ecdsa().private_bytes))
    signer.public_key.verify_signature(signer.sign(b"payload"), b"payload")
    assert signer.public_key.scheme == "ecdsa-sha2-nistp256"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_key_open_to_others_is_refused_with_the_command_that_closes_it(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "signing.pem"
    make_key(path)
    path.chmod(mode)
    with pytest.raises(EvidenceError, match=f"mode {mode:04o}") as caught:
        KeyFileSigner(path)
    assert caught.value.remedy == f"chmod 600 {path}"


def test_a_missing_key_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="no signing key") as caught:
        KeyFileSigner(tmp_path / "signing.pem")
    assert "mlgate env local" in caught.value.remedy


def test_a_key_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="cannot be read"):
        KeyFileSigner(tmp_path)


_PKCS8 = (Encoding.PEM, PrivateFormat.PKCS8)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no key",
        rsa.generate_private_key(65537, 2048).private_bytes(*_PKCS8, NoEncryption()),
        ec.generate_private_key(ec.SECP384R1()).private_bytes(*_PKCS8, NoEncryption()),
        Ed25519PrivateKey.generate().private_bytes(*_PKCS8, BestAvailableEncryption(b"secret")),
    ],
    ids=["empty", "text", "rsa", "p384", "encrypted"],
)
def test_what_is_no_key_of_ours_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(EvidenceError, match="Ed25519 or P-256"):
        KeyFileSigner(write_key(tmp_path / "key.pem", content))
