"""Times as the real provider writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

__all__ = ["time_of"]


def time_of(value: Any) -> Any:
    """A moment that the API gave, as RFC 3339 has it: "2030-01-01T00:00:00Z". Anything else stays what it is."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value
