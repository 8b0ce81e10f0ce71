"""The configuration of a recording: what the project's files say, what a test says over it, and what the program asks for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from mlgate.errors import UsageError
from mlgate_testkit.nearest import listed, nearest
from mlgate_testkit.provider.values import Secret
from mlgate_testkit.record.creation import place, program_frame
from mlgate_testkit.record.sdk import provider_keys

__all__ = ["Asked", "ClearRead", "Configuration"]

_ENGINE = "pulumi"
"""The namespace of what the engine itself reads ("pulumi:disable-default-providers")."""


@dataclass(frozen=True, slots=True)
class ClearRead:
    """A secret that a program read with `method` and not with `instead`, which keeps the mark; `made_by` is the line, "file:line"."""

    key: str
    method: str
    instead: str
    made_by: str


class Asked(dict[str, str]):
    """What Pulumi's runtime looks a value up in. `keys_read`: whatever the program asked for, there or not; `in_clear`: what it asked for
    while `watched` with a method that gives no secret."""

    def __init__(self, values: Mapping[str, str], root: Path) -> None:
        super().__init__(values)
        self._root = root
        self.keys_read: set[str] = set()
        self.in_clear: dict[str, ClearRead] = {}

    def __contains__(self, key: object) -> bool:
        self.keys_read.add(str(key))
        return super().__contains__(key)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Replaces the one method in which Pulumi's Config looks every value up, and puts it back."""
        look_up = pulumi.Config._get

        def watching(config: pulumi.Config, key: str, use: Any = None, instead_of: Any = None) -> str | None:
            frame = program_frame(sys._getframe(1))
            if use is not None and frame is not None:  # the methods that give a secret say neither
                full = config.full_key(key)
                self.in_clear.setdefault(full, ClearRead(full, instead_of.__name__, use.__name__, place(frame, self._root)))
            return look_up(config, key, use, instead_of)

        pulumi.Config._get = watching  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            pulumi.Config._get = look_up  # type: ignore[method-assign]


class Configuration:
    """`values`: as the runtime holds them, each key with its namespace and each value as text. `secret`: the keys that are secret.

    `stated` is what the project's own files say; `config` and `secrets` go before it, and None takes a key away. Secret is what `secrets`
    gives, what is a `Secret`, and what the files encrypt, whoever gives its value.
    """

    def __init__(self, stated: Mapping[str, Any], config: Mapping[str, Any], secrets: Mapping[str, Any], project: str) -> None:
        if not isinstance(secrets, Mapping):
            raise UsageError(
                f"secrets is {secrets!r}, and it takes keys with their values",
                where="record(secrets=...)",
                remedy='secrets={"password": "x"}',
            )
        own = {_key(key, project): value for key, value in stated.items()}
        given = {_key(key, project): value for key, value in config.items()}
        hidden = {_key(key, project): value for key, value in secrets.items()}
        named = {key: value for key, value in {**own, **given, **hidden}.items() if value is not None}
        marked = {key for source in (own, given) for key, value in source.items() if isinstance(value, Secret)} | hidden.keys()
        self.values = {key: _text(value.value if isinstance(value, Secret) else value) for key, value in named.items()}
        self.secret = [key for key in named if key in marked]
        self._given = list(dict.fromkeys((*given, *hidden)))
        self._project = project

    def tell(self, error: pulumi.ConfigMissingError) -> None:
        """Adds to what Pulumi says of a value that is missing, which is how a stack is given one, how a recording is."""
        near = _nearest(error.key, sorted(self.values))
        given = f"record(..., {'secrets' if error.secret else 'config'}={{{error.key.removeprefix(f'{self._project}:')!r}: ...}})"
        error.add_note(f"in a recording a test gives it: {given}" + (f"; or is {near!r} meant?" if near else ""))

    def refuse_unread(self, keys_read: Set[str]) -> None:
        """UsageError for a key that the test gives and that neither the program, which has ended, nor a provider or the engine reads.

        A test of what such a key changes would see what the program does without it, and may pass.
        """
        for key in self._given:
            namespace = key.partition(":")[0]
            of_provider = {f"{namespace}:{name}" for name in provider_keys(namespace)}
            if key in keys_read or key in of_provider or namespace == _ENGINE:
                continue
            near = _nearest(key, [*sorted(keys_read), *sorted(of_provider)])
            there = f"the program reads {listed(sorted(keys_read))}" if keys_read else "the program reads no key at all"
            readers = f"neither the program nor the provider of {namespace}" if of_provider else "nothing"
            raise UsageError(
                f"{key} is given, and {readers} reads it",
                where="record(config=...)",
                remedy=(f"is {near!r} meant? " if near else "leave it out: ") + there,
            )


def _nearest(key: str, known: list[str]) -> str | None:
    """One of the same namespace that is written alike, or the same word in another."""
    namespace, _, word = key.partition(":")
    here = {each.partition(":")[2]: each for each in known if each.startswith(f"{namespace}:")}
    elsewhere = {_short(each): each for each in known}
    near = nearest(word, here)
    return here[near] if near else elsewhere.get(_short(key))


def _short(key: str) -> str:
    return key.partition(":")[2].replace("_", "").replace("-", "").lower()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _key(key: str, project: str) -> str:
    return key if ":" in key else f"{project}:{key}"
