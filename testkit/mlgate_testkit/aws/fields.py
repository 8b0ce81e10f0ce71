"""Fields of objects: those that the cloud adds (`vpcConfig.clusterSecurityGroupId`), and those that cannot change in place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from mlgate_testkit.aws.model import ResourceModel
from mlgate_testkit.provider.provider import Inputs, Outputs
from mlgate_testkit.provider.values import UNKNOWN

__all__ = ["forces_new_below", "with_fields"]

_INDEX = r"\[\d+\]"


def with_fields(model: ResourceModel, expected: Outputs, olds: Outputs) -> Outputs:
    """`expected` with every computed field of an object that is there: as it was, or UNKNOWN where nothing was; its default otherwise."""
    outputs = dict(expected)
    for path, default in model.nested_defaults.items():
        outputs = _with_field(outputs, {}, path.split("."), default)
    for path in sorted(path for path in model.computed if "." in path):
        outputs = _with_field(outputs, olds, path.split("."), UNKNOWN)
    return outputs


def forces_new_below(model: ResourceModel, path: str, outputs: Outputs, news: Inputs) -> bool:
    """Whether a whole object was added or taken away at `path`, and a field in it that cannot change in place thereby does.

    A field that says what the cloud holds anyway changes nothing, nor does an object that the cloud had none of (encryption is turned on in
    place, and turned off never). A member of a list (a disk) comes or goes with all its fields, and so do all of a list that does.
    """
    members = news.get(path) or (path not in model.computed and outputs.get(path))
    if path.endswith("]") or (members and isinstance(members, list)):
        return any(each.startswith(f"{re.sub(_INDEX, '', path)}.") for each in model.forces_new)
    for each in model.forces_new:
        if each.startswith(f"{path}."):
            wanted, there = _at(news, each), _at(outputs, each)
            if there is not None and (wanted != there if wanted is not None else path not in model.computed):
                return True
    return False


def _at(values: Any, path: str) -> Any:
    for key in path.split("."):
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _with_field(values: Mapping[str, Any], olds: Mapping[str, Any], path: list[str], otherwise: Any) -> dict[str, Any]:
    key, *below = path
    before = olds.get(key)
    if not below:
        return {**values} if values.get(key) is not None else {**values, key: otherwise if before is None else before}
    inner = values.get(key)
    if isinstance(inner, list):  # members are told apart by their place, as Terraform does
        there = before if isinstance(before, list) else []
        pairs = zip_longest(inner, there[: len(inner)])
        return {**values, key: [_of_object(member, old, below, otherwise) for member, old in pairs]}
    return {**values, key: _of_object(inner, before, below, otherwise)} if key in values else dict(values)


def _of_object(value: Any, old: Any, path: list[str], otherwise: Any) -> Any:
    """With the field if it is an object; what is not known yet stays so."""
    return _with_field(value, old if isinstance(old, Mapping) else {}, path, otherwise) if isinstance(value, Mapping) else value
