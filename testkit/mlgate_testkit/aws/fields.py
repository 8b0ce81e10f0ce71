"""Fields that the cloud adds to an object of the program's (`vpcConfig.clusterSecurityGroupId`): what a preview knows of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlgate_testkit.aws.model import ResourceModel
from mlgate_testkit.provider.provider import Outputs
from mlgate_testkit.provider.values import UNKNOWN

__all__ = ["with_fields"]


def with_fields(model: ResourceModel, expected: Outputs, olds: Outputs) -> Outputs:
    """`expected` with every computed field of an object that is there: as it was, or UNKNOWN where nothing was; its default otherwise."""
    outputs = dict(expected)
    for path, default in model.nested_defaults.items():
        outputs = _with_field(outputs, {}, path.split("."), default)
    for path in sorted(path for path in model.computed if "." in path):
        outputs = _with_field(outputs, olds, path.split("."), UNKNOWN)
    return outputs


def _with_field(values: Mapping[str, Any], olds: Mapping[str, Any], path: list[str], otherwise: Any) -> dict[str, Any]:
    key, *below = path
    before = olds.get(key)
    if not below:
        return {**values} if values.get(key) is not None else {**values, key: otherwise if before is None else before}
    inner = values.get(key)
    if not isinstance(inner, Mapping):
        return dict(values)
    return {**values, key: _with_field(inner, before if isinstance(before, Mapping) else {}, below, otherwise)}
