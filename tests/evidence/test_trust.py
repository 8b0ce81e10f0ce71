"""Whom to believe: a file for people, strict about what stands in it."""

import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mlgate.environment import Environment
from mlgate.errors import DeclarationError, EvidenceError
from mlgate_evidence import trust as trust_module
from mlgate_evidence.signer import KeyFileSigner, make_key
from mlgate_evidence.trust import Trust, ensure_local_trust


def test_an_environment_is_set_up_once_and_then_left_alone(tmp_path: Path) -> None:
    environment = Environment(name="local", home=tmp_path / "local")
    first = ensure_local_trust(environment)
    key, text = environment.signing_key.read_bytes(), environment.trust.read_bytes()
    assert ensure_local_trust(environment) == first
    assert (environment.signing_key.read_bytes(), environment.trust.read_bytes()) == (key, text)
    assert stat.S_IMODE(environment.trust.stat().st_mode) == 0o644
    (trusted,) = first.keys
    assert (trusted.name, trusted.environments) == ("local-gate", ("local",))
    assert trusted.keyid == KeyFileSigner(environment.signing_key).keyid == trusted.key.keyid
    assert sorted(path.name for path in environment.home.iterdir()) == ["keys", "trust.yaml"]


def test_a_trust_file_of_ones_own_is_never_rewritten(tmp_path: Path) -> None:
    environment = Environment(name="local", home=tmp_path / "local")
    ensure_local_trust(environment)
    own = environment.trust.read_text() + "# reviewed by ada\n"
    environment.trust.write_text(own)
    ensure_local_trust(environment)
    assert environment.trust.read_text() == own


def test_a_key_the_trust_file_does_not_allow_is_refused_with_the_lines_to_add(tmp_path: Path) -> None:
    environment = Environment(name="local", home=tmp_path / "local")
    ensure_local_trust(environment)
    environment.signing_key.unlink()
    with pytest.raises(EvidenceError, match="may not sign for local") as caught:
        ensure_local_trust(environment)
    lines = caught.value.remedy.split("\n", 1)[1].replace("name: local-gate", "name: new-gate")
    environment.trust.write_text(environment.trust.read_text() + "\n".join(line[3:] for line in lines.split("\n")))
    assert [key.name for key in ensure_local_trust(environment).keys] == ["local-gate", "new-gate"]


def test_a_key_allowed_for_another_environment_only_is_refused(tmp_path: Path) -> None:
    environment = Environment(name="local", home=tmp_path / "local")
    ensure_local_trust(environment)
    environment.trust.write_text(environment.trust.read_text().replace("[local]", "[dev]"))
    with pytest.raises(EvidenceError, match="may not sign for local"):
        ensure_local_trust(environment)


def test_two_commands_at_once_agree_on_the_key_of_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Environment(name="local", home=tmp_path / "local")

    def make_second(path: Path) -> KeyFileSigner:
        make_key(path)  # the other command's
        return make_key(path)

    monkeypatch.setattr(trust_module, "make_key", make_second)
    assert ensure_local_trust(environment).key(KeyFileSigner(environment.signing_key).keyid)


def test_an_environment_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "local").write_text("a file where the folder should be")
    with pytest.raises(EvidenceError, match="cannot be written"):
        ensure_local_trust(Environment(name="local", home=tmp_path / "local"))


def test_without_a_trust_file_nobody_is_trusted(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="nobody is trusted") as caught:
        Trust.read(tmp_path / "trust.yaml")
    assert "mlgate env local" in caught.value.remedy


def test_a_p256_key_may_be_trusted(desk: Any) -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(DeclarationError, match="keyid") as caught:
        read_with(desk, {desk.signer.public_pem: pem})
    own = str(caught.value).rsplit("which is ", 1)[1].split()[0]
    assert read_with(desk, {desk.signer.public_pem: pem, desk.signer.keyid: own}).key(own)


def read_with(desk: Any, changes: dict[str, str]) -> Trust:
    text = desk.environment.trust.read_text()
    for old, new in changes.items():
        indented = [value.replace("\n", "\n      ").rstrip() for value in (old, new)]
        assert indented[0] in text
        text = text.replace(*indented)
    path = desk.environment.home / "changed.yaml"
    path.write_text(text)
    return Trust.read(path)


@pytest.mark.parametrize(
    ("old", "new", "line", "found"),
    [
        ("kind: Trust", "kind: Service", 2, "kind is 'Service'"),
        ("apiVersion: mlgate/v1", "apiVersion: mlgate/v2", 1, "apiVersion is 'mlgate/v2'"),
        ("environments: [local]", "environments: []", 10, "keys[0].environments: this is an empty list"),
        ("environments: [local]", "environment: [local]", 10, "environment is not a known key"),
        ("name: local-gate", "name: Local Gate", 4, "name is 'Local Gate'"),
        ("-----BEGIN PUBLIC KEY-----", "-----BEGIN KEY-----", 4, "not an Ed25519 or P-256 public key"),
    ],
)
def test_what_is_wrong_in_a_trust_file_is_named_with_its_line(desk: Any, old: str, new: str, line: int, found: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        read_with(desk, {old: new})
    assert any(f"changed.yaml:{line}" in problem.where and found in problem.found for problem in caught.value.problems)


def test_everything_wrong_in_a_trust_file_is_named_at_once(desk: Any) -> None:
    with pytest.raises(DeclarationError) as caught:
        read_with(desk, {"kind: Trust": "kind: Service", "name: local-gate": "name: Local Gate", "[local]": "[]"})
    assert [problem.where.rsplit(":", 1)[1] for problem in caught.value.problems] == ["2", "4", "10"]


@pytest.mark.parametrize(("name", "problem"), [("local-gate", "names of keys must differ"), ("other", "keyids of keys must differ")])
def test_a_key_stands_in_a_trust_file_once(desk: Any, name: str, problem: str) -> None:
    text = desk.environment.trust.read_text()
    desk.environment.trust.write_text(text + text.split("keys:\n", 1)[1].replace("name: local-gate", f"name: {name}"))
    with pytest.raises(DeclarationError, match=problem):
        Trust.read(desk.environment.trust)
