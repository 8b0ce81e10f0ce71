"""The engine's values as plain Python, and back.

On the wire every value is a protobuf Struct in which special objects carry a signature key, and what is not known yet is one of seven
strings. In Python: None, bool, int, float, str, list, dict with text keys, and the few classes below. Numbers are doubles on the wire;
integral ones come back as int, since that is what an SDK's user wrote.

Signatures and unknowns as the engine and its Python SDK write them: sdk/go/common/resource/plugin/rpc.go and pulumi/runtime/rpc.py.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2

__all__ = [
    "UNKNOWN",
    "Archive",
    "Asset",
    "ResourceReference",
    "Secret",
    "from_struct",
    "has_unknown",
    "plain",
    "to_struct",
]

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a signature of the protocol, no secret
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

_UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWNS = frozenset(
    {
        _UNKNOWN_TEXT,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # of a bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # of a number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # of a list
        "030794c1-ac77-496b-92df-f27374a8bd58",  # of an asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # of an archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # of an object
    }
)


class _Unknown(enum.Enum):
    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown.UNKNOWN
"""A value that only the cloud knows, in a preview."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that the engine encrypts in state and masks in logs. `repr` masks it as well."""

    value: Any

    def __repr__(self) -> str:
        return "Secret([secret])"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file by text, path or address; `hash` is the engine's SHA-256, present once the engine has seen it."""

    text: str | None = None
    path: str | None = None
    uri: str | None = None
    hash: str | None = None


@dataclass(frozen=True, slots=True)
class Archive:
    """A folder or archive by members, path or address; `hash` as in Asset."""

    assets: Mapping[str, Any] | None = None
    path: str | None = None
    uri: str | None = None
    hash: str | None = None


@dataclass(frozen=True, slots=True)
class ResourceReference:
    """A resource given as a value. `id` is None for a component and UNKNOWN in a preview."""

    urn: str
    id: Any = None


def from_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """An object of the wire in Python. Output values become their value, marked unknown or secret where they are."""
    return {key: _read(value) for key, value in struct.fields.items()}


def to_struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Python's values for the wire. Raises TypeError, naming the place, for a value that Pulumi has no form for."""
    struct = struct_pb2.Struct()
    for key, value in values.items():
        struct.fields[key].CopyFrom(_write(value, key))
    return struct


def plain(value: Any) -> Any:
    """`value` with every secret opened: what a provider sends to its cloud. Never for a log."""
    return _map(value, lambda leaf: plain(leaf.value) if isinstance(leaf, Secret) else leaf)


def has_unknown(value: Any) -> bool:
    """Whether anything in `value` is not known yet."""
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, Mapping):
        return any(map(has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(has_unknown, value))
    if isinstance(value, Archive):
        return has_unknown(value.assets or {})
    return value is UNKNOWN


def _map(value: Any, leaf: Callable[[Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _map(member, leaf) for key, member in value.items()}
    if isinstance(value, list):
        return [_map(member, leaf) for member in value]
    return leaf(value)


def _read(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_read(member) for member in value.list_value.values]
        case "struct_value":
            return _read_object(from_struct(value.struct_value))
        case _:
            return None


def _read_object(fields: dict[str, Any]) -> Any:
    match fields.pop(_SIGNATURE, None):
        case None:
            return fields
        case signature if signature == _ASSET:
            return Asset(**{key: fields.get(key) for key in ("text", "path", "uri", "hash")})
        case signature if signature == _ARCHIVE:
            return Archive(**{key: fields.get(key) for key in ("assets", "path", "uri", "hash")})
        case signature if signature == _SECRET:
            return Secret(fields.get("value"))
        case signature if signature == _RESOURCE:
            reference_id = fields.get("id")
            return ResourceReference(fields["urn"], UNKNOWN if reference_id == "" else reference_id)  # "": no id yet, says the engine
        case signature if signature == _OUTPUT:
            content = fields.get("value", UNKNOWN)
            return Secret(content) if fields.get("secret") else content
        case signature:
            raise ValueError(f"the engine sent a value of a kind unknown to this version: signature {signature}; update mlgate")


def _write(value: Any, where: str) -> struct_pb2.Value:
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=value)
        case str() | _Unknown():
            return struct_pb2.Value(string_value=_UNKNOWN_TEXT if value is UNKNOWN else value)
        case list() | tuple():
            members = [_write(member, f"{where}[{index}]") for index, member in enumerate(value)]
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=members))
        case _:
            return struct_pb2.Value(struct_value=_write_object(value, where))


def _write_object(value: Any, where: str) -> struct_pb2.Struct:
    match value:
        case Mapping():
            fields = dict(value)
        case Secret():
            fields = {_SIGNATURE: _SECRET, "value": value.value}
        case Asset():
            fields = {_SIGNATURE: _ASSET} | _given(text=value.text, path=value.path, uri=value.uri, hash=value.hash)
        case Archive():
            fields = {_SIGNATURE: _ARCHIVE} | _given(assets=value.assets, path=value.path, uri=value.uri, hash=value.hash)
        case ResourceReference():
            fields = {_SIGNATURE: _RESOURCE, "urn": value.urn} | _given(id="" if value.id is UNKNOWN else value.id)
        case _:
            raise TypeError(f"{where}: {type(value).__name__} has no form in Pulumi; give text, a number, a bool, a list or a mapping")
    struct = struct_pb2.Struct()
    for key, member in fields.items():
        if not isinstance(key, str):
            raise TypeError(f"{where}: the key {key!r} is no text")
        struct.fields[key].CopyFrom(_write(member, f"{where}.{key}"))
    return struct


def _given(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}
