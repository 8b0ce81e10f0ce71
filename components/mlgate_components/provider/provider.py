"""The provider `mlgate`: every component of `mlgate_components.aws`, made where the engine asks for it.

Pulumi's SDK derives the schema from annotations and docstrings, and serves it. What it does with values is done here anew: as of 3.272 it
hands whole numbers on as floats, empties lists of choices, drops arguments that it does not know, stops at the first that is missing, and
shows a stack where a component refuses its arguments.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pulumi
from pulumi.errors import InputPropertyErrorDetails
from pulumi.provider import ConstructResult, main
from pulumi.provider.experimental.analyzer import ComponentDefinition, PropertyDefinition, PropertyType
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

from mlgate_components import aws
from mlgate_components.arguments import ArgumentsError

__all__ = ["SCHEMA", "Provider", "hosted", "schema", "serve"]

NAME = "mlgate"
SCHEMA = Path(__file__).with_name("schema.json")
"""The schema as it is committed: `make docs` writes it, and `mlgate_tools sdk` makes SDKs of it without loading any component."""

# The SDKs lie beside the program that uses them and are in no registry: a Go module is found by `replace`, a Node package by its folder.
_LANGUAGES = {
    # Without the extra types its generator refers to some that it does not write: those of optional lists that nothing else has.
    "go": {"importBasePath": "mlgate/sdk/go/mlgate", "generateExtraInputTypes": True},
    # It compiles itself with the compiler of the program beside it: both of these take it.
    "nodejs": {"packageName": "@mlgate/components", "typescriptVersion": "^4.7 || ^5"},
}


class Provider(ComponentProvider):
    """Makes a component by its type, with arguments named as the schema names them."""

    def __init__(self) -> None:
        super().__init__(hosted(), NAME, version=version("mlgate"))
        described = json.loads(self.schema or "")
        for language, settings in _LANGUAGES.items():
            described["language"][language] |= settings
        # Each SDK is a package of its own, with what its language's tools need to take it as one.
        self.schema = json.dumps(described | {"meta": {"supportPack": True}})

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """The component, registered. Raises InputPropertiesError with everything that is wrong with its arguments."""
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if isinstance(error.inner, ArgumentsError):
                wrong: list[InputPropertyErrorDetails] = [
                    {"property_path": self._written(each["property_path"]), "reason": self._written(each["reason"])}
                    for each in error.inner.errors or []
                ]
                raise pulumi.InputPropertiesError(f"{error.inner.where}: wrong arguments", wrong) from None
            raise

    def _written(self, text: str) -> str:
        """A text with the names of arguments in it as programs in other languages write them; keys of their own stay as they are."""
        mappings = [each.inputs_mapping for each in self._component_defs.values()]
        mappings += [each.properties_mapping for each in self._type_defs.values()]
        names = {python: written for mapping in mappings for written, python in mapping.items()}
        return re.sub(r"\w+", lambda word: names.get(word[0], word[0]), text)

    def map_inputs(self, inputs: pulumi.Inputs, component_def: ComponentDefinition) -> pulumi.Inputs:
        """What was given, by its Python names. What the schema does not know stays, for the component to refuse."""
        return self._named(inputs, component_def.inputs, component_def.inputs_mapping)

    def _named(self, given: Mapping[str, Any], kinds: Mapping[str, PropertyDefinition], names: Mapping[str, str]) -> dict[str, Any]:
        return {
            names.get(key, key): self._value(value, kinds[key]) if key in kinds else value
            for key, value in given.items()
            if value is not None
        }

    def _value(self, value: Any, kind: PropertyDefinition) -> Any:
        if isinstance(value, pulumi.Output):
            return value.apply(lambda known: self._value(known, kind))
        if isinstance(value, Mapping):
            inside = self.get_type_definition(kind) if kind.ref else None
            if inside:
                return self._named(value, inside.properties, inside.properties_mapping)
            return {key: self._value(each, kind.additional_properties or kind) for key, each in value.items()}
        if isinstance(value, list):
            return [self._value(each, kind.items or kind) for each in value]
        # The wire knows one kind of number, and a chart does not take 2.0 replicas.
        whole = isinstance(value, float) and value.is_integer() and kind.type is not PropertyType.NUMBER
        return int(value) if whole else value


def hosted() -> list[type[pulumi.ComponentResource]]:
    """The components, by name."""
    every = [getattr(aws, name) for name in aws.__all__]
    return [each for each in every if inspect.isclass(each) and issubclass(each, pulumi.ComponentResource)]


def schema() -> str:
    """The schema as its file holds it."""
    return json.dumps(json.loads(Provider().schema or ""), indent=2) + "\n"


def serve() -> None:
    """Serves the engine that started this process, until it ends."""
    main(Provider(), sys.argv[1:])
