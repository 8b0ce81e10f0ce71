"""Whom to believe: which public keys may sign evidence for which environments, in a file that people read and review."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import indent
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from mlgate.documents import Declared, read_document
from mlgate.environment import Environment
from mlgate.errors import EvidenceError
from mlgate.interface import Name
from mlgate_evidence.signer import KeyFileSigner, PublicKey, make_key, read_public_key

KeyId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


Items = TypeVar("Items", bound=tuple[object, ...])


def _not_empty(items: Items) -> Items:
    # Not `min_length`, which also counts an item that is there and wrong as missing.
    if not items:
        raise ValueError("this is an empty list, and a list of none trusts nobody")
    return items


class TrustedKey(Declared):
    """A public key (PEM, Ed25519 or P-256), the digest that signatures name it by, and the environments it may sign for.

    `name` says whose it is. The digest stands here so that a review sees a key change; it must be the key's own.
    """

    name: Name
    keyid: KeyId
    public: str
    environments: Annotated[tuple[Name, ...], Field(strict=False), AfterValidator(_not_empty)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        own = self.key.keyid
        if own != self.keyid:
            raise ValueError(f"keyid {self.keyid} is not that of the public key, which is {own}")
        return self

    @property
    def key(self) -> PublicKey:
        """The key, ready to verify."""
        return read_public_key(self.public)


class Trust(Declared):
    """The content of `trust.yaml`."""

    apiVersion: Literal["mlgate/v1"]
    kind: Literal["Trust"]
    keys: Annotated[tuple[TrustedKey, ...], Field(strict=False), AfterValidator(_not_empty)]

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for what, values in (("names", [key.name for key in self.keys]), ("keyids", [key.keyid for key in self.keys])):
            if twice := sorted({value for value in values if values.count(value) > 1}):
                raise ValueError(f"{what} of keys must differ; these stand twice: {', '.join(twice)}")
        return self

    @classmethod
    def read(cls, path: Path) -> Trust:
        """The trust that the file declares.

        Raises EvidenceError where there is no file (nobody is trusted then), DeclarationError with everything wrong in it.
        """
        if not path.exists():
            raise EvidenceError("nobody is trusted to sign evidence: there is no such file", where=str(path), remedy="mlgate env local")
        return read_document(path, cls)

    def key(self, keyid: str) -> TrustedKey | None:
        """The trusted key of that id."""
        return next((key for key in self.keys if key.keyid == keyid), None)


def ensure_local_trust(environment: Environment) -> Trust:
    """Make the environment's signing key and a trust file that allows it, where they are missing; what is there is never changed.

    Raises EvidenceError where the trust file does not allow the key that is there, DeclarationError where it is malformed.
    """
    if not environment.signing_key.exists():
        try:
            make_key(environment.signing_key)
        except EvidenceError:
            # Two commands at once: whoever came first made the key. Anything else that went wrong fails again below.
            if not environment.signing_key.exists():
                raise
    signer = KeyFileSigner(environment.signing_key)
    if not environment.trust.exists():
        _write_whole(environment.trust, trust_text(f"{environment.name}-gate", environment.name, signer.public_pem))
    trust = Trust.read(environment.trust)
    allowed = trust.key(signer.keyid)
    if allowed is None or environment.name not in allowed.environments:
        raise EvidenceError(
            f"the key in {environment.signing_key} ({signer.keyid}) may not sign for {environment.name}",
            where=str(environment.trust),
            remedy="add to keys, if it is yours:\n"
            + indent(_key_text(f"{environment.name}-gate", environment.name, signer.public_pem), "     "),
        )
    return trust


def trust_text(name: str, environment: str, pem: str) -> str:
    """A trust file that allows the key `name` for one environment. Raises ValueError for anything but Ed25519 and P-256."""
    return f"apiVersion: mlgate/v1\nkind: Trust\nkeys:\n{indent(_key_text(name, environment, pem), '  ')}"


def _key_text(name: str, environment: str, pem: str) -> str:
    keyid = read_public_key(pem).keyid
    return f"- name: {name}\n  keyid: {keyid}\n  public: |\n{indent(pem, '    ')}  environments: [{environment}]\n"


def _write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all; two writers at once write the same text, since they found the same key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
