"""Reading the YAML files that people write, so that every error can name the line it is about.

PyYAML's loader drops positions and lets a repeated key silently win; both are put right here. Validation collects all problems of a
file and raises one `DeclarationError`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from mlgate.errors import DeclarationError, Problem

Location = tuple[str | int, ...]
# Where people who should name an environment variable write its value instead. Errors go into logs.
_SECRETS: Location = ("interface", "auth")
_SECRETS_HOLD = "names of environment variables, such as bearer: ENDPOINT_TOKEN"
_HEADERS_ARE_CALLED = "letters, digits and hyphens, such as X-Api-Key: ENDPOINT_KEY"
_OF_A_KEY = ("[key]",)  # ends pydantic's location of an error that is about a key and not about its value
Model = TypeVar("Model", bound=BaseModel)
Value = TypeVar("Value")


class Loader(yaml.SafeLoader):
    """As Pulumi reads the same files: `on`, `off`, `yes` and `no` are words. To PyYAML they are booleans, as keys too."""


_BOOLEAN = "tag:yaml.org,2002:bool"
Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != _BOOLEAN]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(_BOOLEAN, re.compile("true|True|TRUE|false|False|FALSE"), list("tTfF"))


class Declared(BaseModel):
    """Base of everything read from a file: frozen, strict, unknown keys refused, and NaN, of which every comparison is false."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def contradictions(found: Mapping[Location, tuple[str, str]]) -> ValidationError:
    """What the validator of a whole raises about parts of it, so that their lines are named: {where, from the whole: (found, accepted)}."""
    details: list[InitErrorDetails] = []
    for location, (said, accepted) in found.items():
        kind = PydanticCustomError("value_error", "{error}", {"error": said, "accepted": accepted})
        details.append(InitErrorDetails(type=kind, loc=location, input=None))
    return ValidationError.from_exception_data("contradictions", details)


def once(values: list[Value]) -> list[Value]:
    """A list in which nothing stands twice, for pydantic's `AfterValidator`."""
    found: dict[Location, tuple[str, str]] = {
        (index,): (f"{value!r} stands here a second time", "each once") for index, value in enumerate(values) if value in values[:index]
    }
    if found:
        raise contradictions(found)
    return values


def read_document(path: Path, model: type[Model]) -> Model:
    """The model that the YAML file at `path` declares.

    Raises DeclarationError with all problems at once: file, line, what was found, what would be accepted.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DeclarationError([Problem(str(path), "there is no such file", "check the path")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError([Problem(str(path), f"cannot be read: {error}", "a UTF-8 text file that you may read")]) from None
    value, lines = parse_yaml(text, str(path))
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise DeclarationError(problems_of(error, model, lines, str(path))) from None


def parse_yaml(text: str, where: str) -> tuple[Any, dict[Location, int]]:
    """The value of a YAML text and the line (from 1) of each of its keys and items. Raises DeclarationError."""
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        lines: dict[Location, int] = {(): 1}
        problems: list[Problem] = []
        if node is not None:
            _walk(node, (), (), lines, problems, where)
        if problems:
            raise DeclarationError(problems)
        return (None if node is None else loader.construct_document(node)), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{where}:{mark.line + 1}" if mark else where
        raise DeclarationError([Problem(place, f"not valid YAML: {error.problem}", "correct the syntax at this line")]) from None
    except RecursionError:
        raise DeclarationError([Problem(where, "is nested too deep", "a file like this needs no more than ten levels")]) from None
    except (LookupError, AttributeError):  # PyYAML takes for granted that the value behind a tag fits it
        raise DeclarationError([Problem(where, "not valid YAML: a value does not fit its tag", "leave out tags such as !!bool")]) from None
    except (yaml.YAMLError, ValueError) as error:  # a character or a date that YAML cannot hold
        raise DeclarationError([Problem(where, f"not valid YAML: {error}", "save it as plain UTF-8 text")]) from None


def _walk(
    node: yaml.Node, at: Location, within: tuple[yaml.Node, ...], lines: dict[Location, int], problems: list[Problem], where: str
) -> None:
    """Notes the line of each part of `node`, which stands at `at` inside of the nodes `within`."""

    def wrong(here: yaml.Node, found: str, expected: str) -> None:
        problems.append(Problem(f"{where}:{here.start_mark.line + 1}", found, expected))

    if node in within:
        wrong(node, f"{dotted(at)} is an alias of what it stands in", "write the value out")
    elif isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                kind = "mapping" if isinstance(key_node, yaml.MappingNode) else "list"
                wrong(key_node, f"a {kind} is a key in {dotted(at)}", "a key is a word; is this a template that was not rendered?")
                continue
            here = (*at, key_node.value)
            if here in lines:
                wrong(key_node, f"{dotted(here)} stands here a second time (first in line {lines[here]})", "keep one of the two")
            lines[here] = key_node.start_mark.line + 1
            _walk(value_node, here, (*within, node), lines, problems, where)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*at, index)] = item.start_mark.line + 1
            _walk(item, (*at, index), (*within, node), lines, problems, where)


def dotted(location: Location) -> str:
    """`objectives[0].at_most` for ("objectives", 0, "at_most")."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the document"


def line_of(location: Location, lines: Mapping[Location, int]) -> int:
    """The line of the nearest part of `location` that stands in the file."""
    while location not in lines:
        location = location[:-1]
    return lines[location]


def problems_of(error: ValidationError, model: type[BaseModel], lines: Mapping[Location, int], where: str) -> list[Problem]:
    """pydantic's errors in our words, in the order of the file."""
    found: list[tuple[int, Problem]] = []
    errors = error.errors(include_url=False)
    refused = {item["loc"][:-1] for item in errors if item["loc"][-1:] == _OF_A_KEY}
    for item in errors:
        path = item["loc"][:-1] if item["loc"][-1:] == _OF_A_KEY else item["loc"]
        # Tagged unions put the tag into the location: keep what stands in the file, and a missing last key.
        location: Location = ()
        for part in path:
            if (*location, part) in lines or part == path[-1]:
                location = (*location, part)
        line = line_of(location, lines)
        found.append((line, Problem(f"{where}:{line}", *_phrase(item, location, model, key_refused=path in refused))))
    return [problem for _, problem in sorted(found, key=lambda pair: pair[0])]


def _phrase(item: Any, location: Location, model: type[BaseModel], *, key_refused: bool) -> tuple[str, str]:
    name, value, kind, context = dotted(location), item["input"], item["type"], item.get("ctx", {})
    if kind == "extra_forbidden":
        keys = sorted(_keys_at(model, location[:-1]))
        near = get_close_matches(str(location[-1]), keys, n=1)
        hint = f"did you mean {near[0]}?" if near else f"keys here: {', '.join(keys)}" if keys else "remove it"
        hidden = location[:-1] == _SECRETS and not (near and str(location[-1]).isidentifier())
        named = f"{dotted(_SECRETS)} has a key that is not known; it is not shown, since it may hold a secret"
        return named if hidden else f"{name} is not a known key", hint
    if kind == "missing":
        return f"{name} is missing", "add it"
    if kind == "value_error":
        return f"{name}: {context['error']}", context.get("accepted", "correct the value")
    said = item["msg"][0].lower() + item["msg"][1:]
    if location[: len(_SECRETS)] == _SECRETS[: len(location)]:  # at it, below it, or around it
        of_key = item["loc"][-1:] == _OF_A_KEY
        hint = said if len(location) < len(_SECRETS) else _HEADERS_ARE_CALLED if of_key else _SECRETS_HOLD
        shown = dotted(location[:-1]) if key_refused else name
        return f"{shown} is wrong; what stands there is not shown, since it may hold a secret", hint
    if kind in ("literal_error", "enum"):
        return f"{name} is {value!r}", f"one of {context['expected']}"
    return f"{name} is {value!r}", said


def _keys_at(model: type[BaseModel], location: Location) -> set[str]:
    """The keys that the model accepts at `location`, from its JSON Schema (which follows unions and references for us)."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})

    def resolved(part: dict[str, Any]) -> list[dict[str, Any]]:
        if "$ref" in part:
            return resolved(definitions[part["$ref"].rsplit("/", 1)[1]])
        branches = part.get("anyOf") or part.get("oneOf")
        return [found for branch in branches for found in resolved(branch)] if branches else [part]

    level = resolved(schema)
    for step in location:
        nested: list[dict[str, Any]] = []
        for part in level:
            child = part.get("items") if isinstance(step, int) else part.get("properties", {}).get(step, part.get("additionalProperties"))
            if isinstance(child, dict):
                nested += resolved(child)
        level = nested
    return {key for part in level for key in part.get("properties", {})}
