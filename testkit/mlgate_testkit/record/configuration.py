"""The configuration of a recording: what the project's files say, what a test says over it, and what the program asks for."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from mlgate.errors import UsageError
from mlgate_testkit.provider.values import Secret

__all__ = ["Asked", "Configuration"]

_CLOSE = 0.75
"""So near is a misspelt key to the one that is meant; so are some pairs of which both are meant (min_replicas, max_replicas)."""


class Asked(dict[str, str]):
    """What Pulumi's runtime looks a value up in. `keys_read`: whatever the program asked for, there or not."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.keys_read: set[str] = set()

    def __contains__(self, key: object) -> bool:
        self.keys_read.add(str(key))
        return super().__contains__(key)


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
        self._of_the_test = [key for key in {**given, **hidden} if key in named and key.startswith(f"{project}:")]

    def refuse_misspelt(self, keys_read: Iterable[str]) -> None:
        """UsageError for a key that the test gives and the program never reads, while it reads one much like it that has no value.

        A key of another namespace is a provider's, which reads it for itself.
        """
        lacking = {_short(key): key for key in keys_read if key not in self.values}
        for key in self._of_the_test:
            close = difflib.get_close_matches(_short(key), lacking, n=1, cutoff=_CLOSE)
            if close and key not in keys_read:
                raise UsageError(
                    f"{key} is given, and the program never reads it; it reads {lacking[close[0]]}, which has no value",
                    where="record(config=...)",
                    remedy=f"write {lacking[close[0]]!r}; where both are meant, give that one a value too; or leave {key!r} out",
                )


def _short(key: str) -> str:
    return key.partition(":")[2].replace("_", "").replace("-", "").lower()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _key(key: str, project: str) -> str:
    return key if ":" in key else f"{project}:{key}"
