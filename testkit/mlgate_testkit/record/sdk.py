"""What an installed Pulumi SDK says about its own resources: token, argument type, outputs. Found from the class, never guessed by name.

`s3.BucketVersioning` takes `BucketVersioningInitArgs`, since `BucketVersioningArgs` is a nested type of Bucket: so the argument type is
read from the overloads of the class's `__init__`. A module is imported only where a program (or a state) uses a type of it.

SDKs load a module when an attribute of it is first asked for (`pulumi._utils.lazy_import`), and whoever asks while another thread loads it
finds nothing in it. So whatever may load one is done by one thread at a time.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import sys
import threading
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi import Output, _types
from pulumi.runtime import rpc
from pulumi.runtime.rpc import get_resource_module

__all__ = [
    "arguments_of",
    "class_of",
    "field_types",
    "output_fields",
    "provider_keys",
    "python_names",
    "required_fields",
    "result_fields",
    "token_of",
    "tokens_of",
    "union_members",
]

_LOADING = threading.RLock()


def token_of(resource_class: type) -> str | None:
    """Pulumi's token of an SDK's resource class ("aws:s3/bucket:Bucket"); None for a class that declares none, as components do."""
    token = resource_class.__dict__.get("pulumi_type")
    return token if isinstance(token, str) else None


@functools.cache
def arguments_of(resource_class: type) -> type | None:
    """The Args class of a resource; None where neither the class nor a base of it declares one."""
    for base in resource_class.__mro__:
        initializer = base.__dict__.get("__init__")
        for overload in typing.get_overloads(initializer) if inspect.isfunction(initializer) else ():
            arguments = _input_type(overload.__annotations__.get("args"), initializer)
            if arguments is not None:
                return arguments
    return None


def _input_type(annotation: Any, initializer: Any) -> type | None:
    if isinstance(annotation, str):
        annotation = initializer.__globals__.get(annotation)
    for member in union_members(annotation):
        if isinstance(member, type) and _types.is_input_type(member):
            return member
    return None


@functools.cache
def class_of(token: str) -> type | None:
    """The class of a token, its SDK's module imported; None where that SDK is not installed or does not know the token."""
    package, _, rest = token.partition(":")
    module, _, name = rest.rpartition(":")
    if package == "pulumi":
        package, module, name = name, "", "Provider"
    sdk = f"pulumi_{package.replace('-', '_')}"
    if not sdk.isidentifier() or importlib.util.find_spec(sdk) is None:
        return None
    loaded = importlib.import_module(sdk)
    if name == "Provider" and not module:
        return typing.cast("type | None", getattr(loaded, "Provider", None))
    info = getattr(get_resource_module(package, module, ""), "mod_info", {})
    if token not in info.get("classes", {}):
        return None
    with _LOADING:
        return typing.cast(type, getattr(importlib.import_module(info["fqn"]), info["classes"][token]))


def tokens_of(package: str) -> list[str]:
    """Every resource type that the installed SDK of a package ("kubernetes") knows."""
    importlib.import_module(f"pulumi_{package}")
    registered = (module for key, modules in rpc._RESOURCE_MODULES.items() if key.startswith(f"{package}:") for module in modules)
    return sorted(token for module in registered for token in getattr(module, "mod_info", {}).get("classes", {}))


@functools.cache
def field_types(input_class: type) -> Mapping[str, Any]:
    """The fields of an Args class: wire name to what it takes, Inputs and options opened as far as Pulumi does."""
    with _LOADING:  # the type of a field may lie in another module
        return _types.input_type_types(input_class)


@functools.cache
def python_names(input_class: type) -> Mapping[str, str]:
    """Wire name to Python name."""
    return {wire: name for name, wire in _types.input_type_py_to_pulumi_names(input_class).items()}


@functools.cache
def required_fields(input_class: type) -> tuple[str, ...]:
    """Wire names of the fields that an Args class cannot be made without."""
    code = input_class.__init__.__code__  # type: ignore[misc]
    names = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    optional = input_class.__init__.__kwdefaults__ or {}  # type: ignore[misc]
    wires = _types.input_type_py_to_pulumi_names(input_class)
    return tuple(wires[name] for name in names if name not in optional and name in wires)


@functools.cache
def output_fields(resource_class: type) -> Mapping[str, tuple[Any, bool]]:
    """The outputs of a resource or of an output type: wire name to its type and whether it may be absent."""
    with _LOADING:
        hints = _types._raw_return_hints(resource_class)
        annotated = _types._types_from_annotations(resource_class)
    found: dict[str, tuple[Any, bool]] = {}
    for wire, hint in hints.items():
        content = typing.get_args(hint)[0] if typing.get_origin(hint) is Output and typing.get_args(hint) else hint
        members = tuple(union_members(content))
        found[wire] = (members[0] if len(members) == 1 else content, type(None) in typing.get_args(content))
    for wire, content in annotated.items():  # as dynamic resources declare theirs
        found.setdefault(wire, (content, False))
    return found


def provider_keys(package: str) -> frozenset[str]:
    """What the provider of a package reads of the configuration ("region"): what it takes as arguments; nothing where no SDK says."""
    provider = class_of(f"pulumi:providers:{package}")
    arguments = arguments_of(provider) if provider is not None else None
    return frozenset(field_types(arguments)) if arguments is not None else frozenset()


def result_types(token: str) -> Mapping[str, Any]:
    """What a function ("aws:ec2/getAmi:getAmi") gives back: wire name to its type; nothing where its SDK, which called it, does not say."""
    package, _, rest = token.partition(":")
    module, _, name = rest.rpartition(":")
    parts = [f"pulumi_{package.replace('-', '_')}", *([] if module.startswith("index") else [module.partition("/")[0]])]
    found = getattr(sys.modules.get(".".join(parts)), f"{name[:1].upper()}{name[1:]}Result", None)
    return {wire: kind for wire, (kind, _) in output_fields(found).items()} if isinstance(found, type) else {}


def result_fields(token: str) -> list[str]:
    """Their names, sorted."""
    return sorted(result_types(token))


def union_members(annotation: Any) -> Iterator[Any]:
    """What a field may hold as a plain value: unions opened; no None, awaitable or Output, nor the dict that stands for an Args class."""
    if typing.get_origin(annotation) not in {typing.Union, types.UnionType}:
        yield annotation
        return
    members = [inner for member in typing.get_args(annotation) for inner in union_members(member)]
    plain = [member for member in members if member is not type(None) and typing.get_origin(member) not in _PLUMBING]
    structured = any(isinstance(member, type) and _types.is_input_type(member) for member in plain)
    for member in plain:
        if not (structured and (member is dict or typing.get_origin(member) is _MAPPING)):
            yield member


_PLUMBING = {Output, typing.get_origin(typing.Awaitable[Any])}
_MAPPING = typing.get_origin(typing.Mapping[str, Any])
