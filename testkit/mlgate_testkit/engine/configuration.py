"""The configuration of a stack under test: what its own `Pulumi.<stack>.yaml` says, and over it what the test says.

Values that are secret there are encrypted for somebody else, so a test gives values of its own for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mlgate.errors import StackError, UsageError

__all__: list[str] = []


def read_configuration(path: Path) -> dict[str, Any]:
    """The `config` of a stack's file; nothing where there is no file. Raises StackError for one that cannot be understood."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise StackError(f"cannot be read: {error}", where=str(path), remedy="correct the file") from None
    config = content.get("config") or {} if isinstance(content, dict) else None
    if not isinstance(config, dict):
        raise StackError("is no stack configuration", where=str(path), remedy="correct the file")
    return dict(config)


def merged(own: Mapping[str, Any], given: Mapping[str, Any], secrets: Sequence[str], *, project: str, file: Path) -> dict[str, Any]:
    """What the stack is to have: `own` with `given` over it, less what is None there. Keys without a namespace are the project's.

    Raises UsageError for a secret of the stack's own file that the test has no value for.
    """
    over = {qualified(key, project): value for key, value in given.items()}
    covered = {*over, *(qualified(key, project) for key in secrets)}
    kept = {key: value for key, value in own.items() if key not in covered}
    locked = sorted(key for key, value in kept.items() if any(_secret(value)))
    if locked:
        raise UsageError(
            f"{', '.join(locked)} is encrypted there with a key that no test has",
            where=str(file),
            remedy=f"give values for the test: stack(..., secrets={{{locked[0]!r}: ...}})",
        )
    return {key: value for key, value in {**kept, **over}.items() if value is not None}


def qualified(key: str, project: str) -> str:
    """`aws:region` as it is, `size` as `project:size`."""
    return key if ":" in key else f"{project}:{key}"


def _secret(value: Any) -> Iterator[bool]:
    if isinstance(value, Mapping):
        yield set(value) == {"secure"}
        for member in value.values():
            yield from _secret(member)
    elif isinstance(value, list):
        for member in value:
            yield from _secret(member)
