"""What the cloud holds, told as inputs: so that a refresh shows a change made by hand, and only that."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

from pulumi import _types

from mlgate_testkit.aws.arguments import argument_names, is_map
from mlgate_testkit.aws.model import ResourceModel
from mlgate_testkit.provider.provider import Inputs, Outputs
from mlgate_testkit.record.sdk import field_types, required_fields, union_members

__all__ = ["observed_inputs"]


def observed_inputs(model: ResourceModel, known: Inputs, seen: Outputs, *, imported: bool) -> Inputs:
    """The known inputs, with what is really there in their place.

    What the program never gave appears only if the cloud holds something that is neither the provider's default nor left to the cloud
    (`computed`). On an import there is no program yet: then everything that could be an argument appears, but for what the cloud decides.
    """
    inputs = dict(known)
    for argument, kind in argument_names(model.type).items():
        if argument not in seen or argument == "region":
            continue
        before, there = known.get(argument), seen[argument]
        if before is None:
            if not _empty(there) and argument not in model.computed and (imported or there != model.defaults.get(argument)):
                inputs[argument] = _overlaid({}, there, kind, argument, model) if isinstance(there, Mapping) else there
        elif there is None:
            if not _empty(before):
                del inputs[argument]
        elif not model.same(argument, before, there):
            inputs[argument] = _overlaid(before, there, kind, argument, model)
    if imported:
        inputs = {**{argument: value for argument, value in model.defaults.items() if value is not None}, **inputs}
    return inputs


def _overlaid(before: Any, there: Any, kind: Any, path: str, model: ResourceModel) -> Any:
    """`there` in the spelling of `before`: numbers as the program gave them, and no field that nobody set."""
    if path in model.equivalent and model.equivalent[path](before, there):
        return before
    if isinstance(before, Mapping) and isinstance(there, Mapping) and not is_map(kind):
        nested = next((member for member in union_members(kind) if _is_nested(member)), None)
        fields, needed = (field_types(nested), required_fields(nested)) if nested else ({}, ())
        found = {
            key: _overlaid(before[key], there[key], fields.get(key), f"{path}.{key}", model) if key in before else there[key]
            for key in there
            if key in before or (key in needed and there[key] is not None) or _drifted(f"{path}.{key}", there[key], model)
        }
        untold = {key: value for key, value in before.items() if key not in there or (there[key] is None and _empty(value))}
        return {key: value for key, value in (found | untold).items() if value is not None}
    if isinstance(before, list) and isinstance(there, list):
        inner = next((typing.get_args(member)[0] for member in union_members(kind) if typing.get_args(member)), None)
        paired = [_overlaid(old, new, inner, path, model) for old, new in zip(before, there, strict=False)]
        return paired + there[len(before) :]
    if not isinstance(there, (Mapping, list)) and _text(before) == _text(there):
        return before
    return there


def _drifted(path: str, there: Any, model: ResourceModel) -> bool:
    """Whether a field that nobody set holds something that the cloud did not decide."""
    if path in model.nested_defaults:
        return there is not None and bool(there != model.nested_defaults[path])
    return path not in model.computed and not _empty(there)


def _is_nested(member: Any) -> bool:
    return isinstance(member, type) and _types.is_input_type(member)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _empty(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_empty, value.values()))
    return value is None or value is False or value in ("", 0, [], {})
