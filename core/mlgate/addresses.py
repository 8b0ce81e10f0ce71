"""How a network's addresses are divided over kinds of subnets and zones, and which ones nobody on the internet has.

Half of the block is for private subnets (with the VPC CNI each pod takes an address of its own), an eighth each for public and intra ones,
and a quarter is left for what comes later. Each kind is cut into places for as many zones as there may ever be, so that one more zone moves
no subnet: another block would be another subnet, and all that stands in it made anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network

__all__ = ["INTRA", "PRIVATE", "PUBLIC", "WIDEST", "divide", "network_of", "wrong_callers", "wrong_division"]

PRIVATE, PUBLIC, INTRA = "private", "public", "intra"
_FEWEST_PLACES = 4
# VPC user guide, "VPC CIDR blocks" and "Subnet sizing": a VPC has 16 to 28 bits, and so has a subnet.
_LARGEST, _SMALLEST = 16, 28
# VPC user guide, "VPC CIDR blocks": some services of AWS have this one inside (Docker's bridge), and reach nothing that is in it.
_TAKEN = IPv4Network("172.17.0.0/16")
# RFC 5737: what examples have in the place of addresses of the internet.
_EXAMPLES = tuple(map(IPv4Network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")))

WIDEST = {4: 8, 6: 32}
"""Prefix lengths, by version of IP: a wider range is the internet, in halves as well as in one. As Amazon S3 draws the line (User Guide,
"The meaning of 'public'")."""


def network_of(text: str) -> IPv4Network:
    """The block that is written so. Raises ValueError, with what would be accepted."""
    try:
        return IPv4Network(text)
    except ValueError:
        pass
    try:
        near = IPv4Network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is no IPv4 block: write one such as 10.0.0.0/16") from None
    raise ValueError(f"{text!r} has bits below its prefix: write {near}")


def wrong_callers(text: str) -> tuple[str, str] | None:
    """Why an endpoint on the internet lets nobody in from the block that is written so: what it is, and what would be accepted.

    None where it may. From what IANA keeps apart from the internet (private, shared, loopback, link-local, multicast, reserved) nobody
    comes to such an endpoint.
    """
    try:
        block = network_of(text)
    except ValueError as error:
        return f"is {text!r}", str(error)
    elsewhere = block.is_multicast or not block.is_global
    if elsewhere and not any(map(block.subnet_of, _EXAMPLES)):
        return f"is {text}, where no address of the internet is", "addresses of the internet: private ones reach the private endpoint"
    if block.prefixlen < WIDEST[block.version]:
        return f"is {text}, which is everybody", "the networks that operators come from, or none: they come by the VPC then"
    return None


def wrong_division(block: IPv4Network, zones: int) -> str:
    """Why the block cannot be divided over that many zones; "" if it can."""
    if not _LARGEST <= block.prefixlen <= _SMALLEST:
        return f"a VPC's block has a prefix of /{_LARGEST} to /{_SMALLEST}, not /{block.prefixlen}"
    if block.overlaps(_TAKEN):
        return f"{block} overlaps {_TAKEN}, which services of AWS use themselves; take another block"
    largest = _SMALLEST - _small(zones)
    if block.prefixlen > largest:
        smallest = f"an intra subnet would have a prefix of /{block.prefixlen + _small(zones)}, and AWS's smallest is /{_SMALLEST}"
        return f"{block} is too small: divided with room for {_places(zones)} zones, {smallest}; take /{largest} or larger"
    return ""


def divide(block: IPv4Network, zones: Sequence[str]) -> Mapping[str, Mapping[str, IPv4Network]]:
    """{kind: {zone: its subnet}}. A zone has the same subnets however many come after it, up to four, then eight.

    Raises ValueError where `wrong_division` names a reason.
    """
    if reason := wrong_division(block, len(zones)):
        raise ValueError(reason)
    half, other = block.subnets(1)
    intra, public, *_spare = other.subnets(2)
    bits = _bits(len(zones))
    return {kind: dict(zip(zones, part.subnets(bits), strict=False)) for kind, part in ((PRIVATE, half), (PUBLIC, public), (INTRA, intra))}


def _places(zones: int) -> int:
    return 1 << _bits(zones)


def _bits(zones: int) -> int:
    return (max(zones, _FEWEST_PLACES) - 1).bit_length()


def _small(zones: int) -> int:
    """The bits that a public or an intra subnet has beyond its VPC's."""
    return 3 + _bits(zones)
