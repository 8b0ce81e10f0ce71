"""Quantities with units as people write them ("50 ms", "200/s", "99.9 %"), held in one base unit each.

pydantic's own timedelta rejects "250ms", pint reads "500m" as metres, ByteSize reads "16Gi" as nothing: hence these few lines.
A bare number is refused everywhere, since 50 might be milliseconds or seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_NUMBER = r"(?P<number>\d+(?:\.\d+)?)"
_DURATION = re.compile(rf"{_NUMBER}\s*(?P<unit>ns|us|ms|s|min|h|d)")
_RATE = re.compile(rf"{_NUMBER}\s*/\s*(?P<unit>s|min)")
_SHARE = re.compile(rf"{_NUMBER}\s*%")

_NS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
_PER_S = {"s": Decimal(1), "min": Decimal(1) / Decimal(60)}


def parse_duration(text: str) -> int:
    """Nanoseconds of "50 ms", "1.5 s", "2 min", "7 d". Raises ValueError that names the accepted units."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a duration: write a number and one of {', '.join(_NS)}, such as 50 ms")
    nanoseconds = Decimal(match["number"]) * _NS[match["unit"]]
    if nanoseconds != nanoseconds.to_integral_value():
        raise ValueError(f"{text!r} is not a whole number of nanoseconds")
    return int(nanoseconds)


def format_duration(nanoseconds: int) -> str:
    """The shortest form that `parse_duration` reads back unchanged, in the largest unit that keeps it exact."""
    for unit in ("d", "h", "min", "s", "ms", "us"):
        if nanoseconds and nanoseconds % _NS[unit] == 0:
            return f"{nanoseconds // _NS[unit]} {unit}"
    return f"{nanoseconds} ns"


def parse_rate(text: str) -> float:
    """Events per second of "200/s" or "30/min". Raises ValueError that names the accepted units."""
    match = _RATE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a rate: write a number and /s or /min, such as 200/s")
    return float(Decimal(match["number"]) * _PER_S[match["unit"]])


def format_rate(per_second: float) -> str:
    """The form that `parse_rate` reads back."""
    return f"{Decimal(repr(per_second)).normalize():f}/s"


def parse_share(text: str) -> float:
    """A share in [0, 1] of "1 %" or "99.9 %". Raises ValueError for anything without the percent sign or over 100 %."""
    match = _SHARE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a share: write a number and %, such as 1 %")
    share = Decimal(match["number"]) / 100
    if share > 1:
        raise ValueError(f"{text!r} is more than 100 %")
    return float(share)


def format_share(share: float) -> str:
    """The form that `parse_share` reads back."""
    return f"{(Decimal(repr(share)) * 100).normalize():f} %"


def _quantity(pattern: re.Pattern[str], parse: Callable[[str], Any], write: Callable[[Any], str], example: str) -> tuple[Any, ...]:
    """What pydantic needs to read, write and describe one kind of quantity."""

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} has no unit: write it as text with one, such as {example}")
        return parse(value)

    portable = re.sub(r"\?P<\w+>", "?:", pattern.pattern)  # JSON Schema knows no named groups
    return (
        BeforeValidator(read),
        PlainSerializer(write, return_type=str),
        WithJsonSchema({"type": "string", "pattern": f"^{portable}$", "examples": [example]}),
    )


DurationNs = Annotated[int, *_quantity(_DURATION, parse_duration, format_duration, "50 ms")]
RatePerS = Annotated[float, *_quantity(_RATE, parse_rate, format_rate, "200/s")]
Share = Annotated[float, *_quantity(_SHARE, parse_share, format_share, "1 %")]
