"""What the models of EC2 and EKS share: tags, one of a list, enumerations of botocore's service models, address blocks."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.loaders import Loader  # type: ignore[import-untyped]

from mlgate_testkit.aws.account import Aws, ClientError, refusal
from mlgate_testkit.aws.rules import Choice, Rule, exactly_one, holds
from mlgate_testkit.aws.tags import tag_list
from mlgate_testkit.provider.provider import Inputs

__all__ = [
    "cidr",
    "cidr6",
    "enumerated",
    "enumeration",
    "first",
    "given",
    "length",
    "no_address",
    "one_template_name",
    "retag",
    "shape_of",
    "tagged",
    "unless_gone",
]


def tagged(kind: str, inputs: Inputs) -> dict[str, Any]:
    """Tags as a request of EC2 that creates takes them."""
    tags = tag_list(inputs.get("tags"))
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


def retag(aws: Aws, resource_id: str, olds: Inputs, news: Inputs) -> None:
    """Makes the tags of something in EC2 those of `news`."""
    ec2, before, after = aws.client("ec2"), olds.get("tags") or {}, news.get("tags") or {}
    if gone := [{"Key": key} for key in before if key not in after]:
        ec2.delete_tags(Resources=[resource_id], Tags=gone)
    if changed := {key: value for key, value in after.items() if before.get(key) != value}:
        ec2.create_tags(Resources=[resource_id], Tags=tag_list(changed))


def first(found: Sequence[Any], code: str, message: str) -> Any:
    """The one that was asked for. Raises the API's refusal, whose code should say NotFound, where there is none."""
    if not found:
        raise refusal(code, message, "")
    return found[0]


def given(inputs: Mapping[str, Any], **names: str) -> dict[str, Any]:
    """A request's parameters from arguments: `given(inputs, KeyName="keyName")`, without those that are not there."""
    return {parameter: inputs[argument] for parameter, argument in names.items() if inputs.get(argument) is not None}


@functools.cache
def _shapes(service: str) -> Mapping[str, Any]:
    shapes: Mapping[str, Any] = Loader().load_service_model(service, "service-2")["shapes"]
    return shapes


def shape_of(service: str, shape: str) -> Mapping[str, Any]:
    """One shape of botocore's model of a service."""
    found: Mapping[str, Any] = _shapes(service)[shape]
    return found


def enumeration(service: str, shape: str) -> tuple[str, ...]:
    """The values that botocore's model of a service lists for one of its shapes. Raises KeyError for a shape without any."""
    return tuple(_shapes(service)[shape]["enum"])


def enumerated(path: str, service: str, shape: str) -> Choice:
    """The value must be one of an enumeration of botocore's model."""
    return Choice(path, lambda: enumeration(service, shape), f"{service}.{shape}")


def length(path: str, least: int, most: int) -> Rule:
    """The text must have that many characters."""

    def wrong(value: Any) -> str:
        if least <= len(str(value)) <= most:
            return ""
        return f"expected length of {path} to be in the range ({least} - {most}), got {value}"

    return holds(path, wrong)


def cidr(path: str, least: int = 0, most: int = 32) -> Rule:
    """The value must be an IPv4 block in its canonical form, with that many bits. Texts: terraform-provider-aws, internal/verify."""

    def wrong(value: Any) -> str:
        try:
            block = ipaddress.IPv4Network(value, strict=False)
        except ValueError:
            return f'"{value}" is not a valid IPv4 CIDR block'
        if "/" not in value:
            return f'"{value}" is not a valid IPv4 CIDR block: it has no prefix length'
        if str(block) != value:
            return f'"{value}" is not a valid IPv4 CIDR block; did you mean "{block}"?'
        if not least <= block.prefixlen <= most:
            return f'expected "{path}" to contain a network Value with between {least} and {most} significant bits, got: {block.prefixlen}'
        return ""

    return holds(path, wrong)


def cidr6(path: str) -> Rule:
    """The value must be an IPv6 block in its canonical form. Texts: terraform-provider-aws, internal/verify, ValidateIPv6CIDRBlock.

    Stricter than that: it takes "2001:0db8::/64" too, and then plans a change each time, since AWS answers "2001:db8::/64".
    """

    def wrong(value: Any) -> str:
        try:
            block = ipaddress.ip_network(value, strict=False)
        except ValueError:
            block = None
        if block is None or "/" not in value:
            return f'"{value}" is not a valid CIDR block: invalid CIDR address: {value}'
        if block.version == 4:
            return f'"{value}" is not a valid IPv6 CIDR block'
        return "" if str(block) == value else f'"{value}" is not a valid IPv6 CIDR block; did you mean "{block}"?'

    return holds(path, wrong)


def no_address(value: Any) -> str:
    """Why a value is no IPv4 address, or "". Text: terraform-plugin-sdk, validation.IsIPv4Address."""
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        return f"expected a valid IPv4 address, got: {value}"
    return ""


one_template_name = exactly_one("id", "name", inside="launchTemplate")


def unless_gone(error: ClientError, *codes: str) -> None:
    """Raises `error` again unless it has one of these codes, which say "gone" in words of their own."""
    if error.response["Error"]["Code"] not in codes:
        raise error
