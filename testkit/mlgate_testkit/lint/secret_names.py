"""Names of inputs, variables and keys whose values are secrets."""

from __future__ import annotations

import re

__all__ = ["last_name", "speaks_of_a_secret"]

_NAMED = re.compile(
    r"(pass(word|wd|phrase)|secret(key|value|string)?|token|api_?key|private_?key|access_?key|auth_?key|connection_?string|credentials?)$",
    re.I,
)
_NOT_SECRET = frozenset(
    {
        "allow",
        "automount",
        "continuation",
        "creation",
        "enable",
        "existing",
        "has",
        "is",
        "manage",
        "next",
        "page",
        "public",
        "require",
        "use",
    }
)
"""Words before such a name that make it a switch, a page mark or a name."""


def speaks_of_a_secret(name: str) -> bool:
    return _NAMED.search(name) is not None and not _NOT_SECRET & set(_words(name))


def last_name(path: str) -> str:
    """The name at the end of a path, of the list where it ends in an index."""
    steps = re.split(r"[.\[]", path)
    return steps[-2] if path.endswith("]") else steps[-1]


def _words(name: str) -> list[str]:
    """The words of a name in either spelling, small."""
    return re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())
