"""The answers a test gives: outputs of resources, results of functions, outputs of other stacks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from mlgate.errors import UsageError
from mlgate_testkit.nearest import listed, nearest
from mlgate_testkit.provider.values import Secret
from mlgate_testkit.record.sdk import output_fields, result_fields, token_of

__all__ = ["Answer", "Tables"]

Answer = Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Outputs, or a function of the inputs that gives them."""

_CLOSE = 0.75
"""So near is a misspelt output of a stack to the one that is meant: vpcId to vpc; privateSubnets is further from publicSubnets."""


@dataclass(frozen=True)
class Tables:
    """What `record` was given. `resources` has tokens, classes or names as keys; a name wins over a type."""

    resources: Mapping[str | type, Answer]
    invokes: Mapping[str, Answer]
    stack_references: Mapping[str, Mapping[str, Any]]

    def outputs(self, token: str, resource_class: type | None, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs that the test states for this resource; `id` among them is its id. UsageError for one that its type has not."""
        stated: dict[str, Any] = {}
        for key, answer in self.resources.items():
            of_class = isinstance(key, type) and (token_of(key) == token or issubclass(resource_class or object, key))
            if of_class or key == token:
                stated = {**_answer(answer, inputs), **stated}
            elif key == name:
                stated = {**stated, **_answer(answer, inputs)}
        known = {"id", *inputs, *(output_fields(resource_class) if resource_class is not None else stated)}
        for key in stated:
            if key not in known:
                raise UsageError(
                    f"{token} {name} has no output {key}{_near(key, known)}",
                    where="record(resources=...)",
                    remedy=f"it has {listed(sorted(known))}",
                )
        return stated

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The result of a function. Raises UsageError where the table has none."""
        if token not in self.invokes:
            raise UsageError(
                f"the program calls {token} with {json.dumps(arguments, default=str)}, and no table answers it{_near(token, self.invokes)}",
                remedy=f"say what it finds: record(..., invokes={{{token!r}: {{...}}}}){_of(result_fields(token))}",
            )
        return _answer(self.invokes[token], arguments)

    def stack_reference(self, name: str) -> dict[str, Any]:
        """What a StackReference resolves to. Raises UsageError for a stack that the table does not have."""
        if name not in self.stack_references:
            raise UsageError(
                f"the program reads the outputs of stack {name}, and no table has them{_near(name, self.stack_references)}",
                remedy=f"say what it exports: record(..., stack_references={{{name!r}: {{...}}}})",
            )
        outputs = self.stack_references[name]
        secret = [key for key, value in outputs.items() if isinstance(value, Secret)]
        return {"name": name, "outputs": dict(outputs), "secretOutputNames": secret}

    def refuse_unknown_output(self, *, stack: str, name: str, required: bool, where: str) -> None:
        """UsageError for an output that a stack of the table has not.

        Where it is only looked for, Pulumi gives None, which a program may well handle: then one is refused that is like another.
        """
        outputs = self.stack_references.get(stack, {})
        misspelt = get_close_matches(_plain(name), map(_plain, outputs), n=1, cutoff=_CLOSE)
        if name in outputs or not (required or misspelt):
            return
        near = nearest(name, outputs)
        line = f"record(..., stack_references={{{stack!r}: {{{name!r}: {'...' if required else None}}}}})"
        raise UsageError(
            f"stack {stack} exports {listed(sorted(outputs)) or 'nothing'}; not {name}",
            where=where,
            remedy=(f"is {near!r} meant? else " if near else "") + f"say {'what it is' if required else 'where it has none'}: {line}",
        )


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _answer(answer: Answer, inputs: Mapping[str, Any]) -> dict[str, Any]:
    return dict(answer(inputs) if callable(answer) else answer)


def _of(fields: list[str]) -> str:
    return f"; its fields are {listed(fields)}" if fields else ""


def _near(wanted: str, known: Iterable[str]) -> str:
    near = nearest(wanted, known)
    return f" (it has {near})" if near else ""
