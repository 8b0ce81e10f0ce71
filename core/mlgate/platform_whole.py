"""Values whose parts must fit each other, and all that is wrong with them at once.

pydantic asks a whole only where each of its parts is well, so that what is wrong between two values would be told in a second run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from types import SimpleNamespace, UnionType
from typing import Any, ClassVar, Self, get_args

from pydantic import TypeAdapter, ValidationError, ValidationInfo, model_validator

from mlgate.documents import Declared, Location, contradictions

__all__ = ["Check", "Whole", "Wrong", "all_wrong"]

Wrong = tuple[Location, str, str]
"""Where from the whole, what was found, what would be accepted."""
Check = Callable[[Any], Iterator[Wrong]]
_PARTS_ALONE = object()


class Whole(Declared):
    """Base of what has parts that must fit each other: `checks` says what is wrong between them."""

    checks: ClassVar[Sequence[Check]] = ()

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> Self:
        if info.context is not _PARTS_ALONE and (wrong := [found for check in self.checks for found in check(self)]):
            raise contradictions({at: (found, accepted) for at, found, accepted in wrong})
        return self


def all_wrong(model: type[Whole], value: Any) -> list[ValidationError]:
    """What is wrong with each part of `value`, and between those parts that are well, as far as it needs no other one; [] for nothing.

    Of a list with a wrong item nothing is asked, of a mapping whatever is well.
    """
    errors: list[ValidationError] = []
    try:
        whole: Any = model.model_validate(value, context=_PARTS_ALONE)
    except ValidationError as error:
        errors.append(error)
        whole = _well(model, value, [each["loc"] for each in error.errors()])
    # One for each, since of a place there may be more than one.
    return errors + [contradictions({at: (found, accepted)}) for at, found, accepted in _between(whole, ())]


class _RefusedError(AttributeError):
    """A check needs a part that is not well."""


class _Part(SimpleNamespace):
    """What is well of a value, by the names of its model."""

    def __getattr__(self, name: str) -> Any:
        raise _RefusedError(name)


def _well(model: type[Declared], value: Any, refused: Sequence[Location]) -> _Part:
    """All of it but for what is refused."""
    part = _Part(checks=getattr(model, "checks", ()))
    for name, field in model.model_fields.items():
        inside = [at[1:] for at in refused if at[:1] in {(name,), ()}]
        if () in inside:
            continue
        if name not in value:
            setattr(part, name, field.get_default())
        elif not inside:
            setattr(part, name, _taken(field.annotation, value[name]))
        elif isinstance(value[name], dict):
            nested = _model_in(field.annotation)
            wrong = {at[0] for at in inside}
            # A key that is no text is wrong too, and pydantic's errors have another name of it.
            rest = {key: each for key, each in value[name].items() if isinstance(key, str) and key not in wrong}
            setattr(part, name, _well(nested, value[name], inside) if nested else _taken(field.annotation, rest))
    return part


def _taken(kind: Any, value: Any) -> Any:
    return TypeAdapter(kind).validate_python(value, context=_PARTS_ALONE)


def _model_in(annotation: Any) -> type[Declared] | None:
    """The model that a field holds, maybe or always; None for one of another kind."""
    kinds = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Declared)), None)


def _between(value: Any, at: Location) -> Iterator[Wrong]:
    """What is wrong between parts, of the whole and of all that is in it."""
    if isinstance(value, Declared | _Part):
        for check in getattr(value, "checks", ()):
            with suppress(_RefusedError):
                yield from (((*at, *where), found, accepted) for where, found, accepted in check(value))
    parts = vars(value) if isinstance(value, Declared | _Part) else value
    for key, part in parts.items() if isinstance(parts, dict) else enumerate(parts) if isinstance(parts, list) else ():
        yield from _between(part, (*at, key))
