"""Numbers as people read them. Three significant digits, a unit on everything that has one, and a real minus sign.

`mlgate.quantities` writes declared values exactly; here measured ones are rounded, so the two are kept apart.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

MINUS = "\u2212"
NONE = "\u2013"
_TIMES = "\u00d7"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNIT_AFTER_NUMBER = re.compile(r"(?<=\d) (?=(?:%|ns|us|µs|ms|s|min|h|d)(?![A-Za-z]))")
_DURATION_UNITS = ((86400e9, "d"), (3600e9, "h"), (60e9, "min"), (1e9, "s"), (1e6, "ms"), (1e3, "µs"))


def whole(count: float) -> str:
    """`12,345`."""
    return f"{count:,.0f}".replace("-", MINUS)


def significant(value: float) -> str:
    """Three significant digits without an exponent: `0.00123`, `4.1`, `12,345`."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value).replace("-", MINUS)
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", MINUS)


def power(exponent: int) -> str:
    """`10⁻³`."""
    return "10" + str(exponent).translate(_SUPERSCRIPTS)


def from_log(log_value: float) -> str:
    """The number whose natural logarithm is given: `31.4`, `4.1 x 10¹²`. Takes what `exp` would overflow on."""
    log10 = log_value / math.log(10)
    if not math.isfinite(log10):
        return "0" if log10 < 0 else "∞"
    if -2 <= log10 < 5:
        return significant(10**log10)
    exponent = math.floor(log10)
    mantissa = f"{10 ** (log10 - exponent):.1f}"
    if mantissa == "10.0":
        mantissa, exponent = "1.0", exponent + 1
    return f"{mantissa} {_TIMES} {power(exponent)}"


def chance(probability: float) -> str:
    """A probability as a number: `0.008`, `1.2 x 10⁻⁷`."""
    return significant(probability) if probability == 0 or probability >= 1e-4 else from_log(math.log(probability))


def percent(share: float) -> str:
    """`0.42 %`."""
    return f"{significant(share * 100)} %"


def accuracy(value: float) -> str:
    """Four decimals, so that one case in 900 shows: `0.9733`."""
    return f"{value:.4f}".replace("-", MINUS)


def signed(value: float) -> str:
    """A difference, with its sign: `+0.0011`."""
    return f"{value:+.4f}".replace("-", MINUS)


def duration(nanoseconds: float) -> str:
    """`13.2 ms`, `1.25 s`, `1.5 min`: three significant digits in the unit that keeps the number at least 1."""
    for size, unit in _DURATION_UNITS:
        if abs(nanoseconds) >= size:
            return f"{significant(nanoseconds / size)} {unit}"
    return f"{significant(nanoseconds)} ns" if nanoseconds else "0 ms"


def instant(nanoseconds: int) -> str:
    """`2026-10-02 14:03:05 UTC`."""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def unbroken(text: str) -> str:
    """The same text, where no line may end between a number and its unit. For prose only: a command must be typed as it stands."""
    return _UNIT_AFTER_NUMBER.sub("\u00a0", text)
