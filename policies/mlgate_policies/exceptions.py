"""Exceptions from rules: each of one rule for named resources in named environments, with an owner, a reason and a day on which it ends.

They stand in a file beside `Pulumi.yaml`, so that they are reviewed like the program that they are for.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mlgate.documents import Declared, parse_yaml, read_document
from mlgate.environment import project_folder
from mlgate.errors import DeclarationError, Problem

__all__ = ["FILE", "PolicyException", "PolicyExceptions"]

FILE = "policy-exceptions.yaml"


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("it says nothing; write what a reviewer can judge")
    return text


_Text = Annotated[str, AfterValidator(_said)]


def _some(items: tuple[str, ...]) -> tuple[str, ...]:
    # Not `min_length`, which also counts an item that is there and wrong as missing.
    if not items:
        raise ValueError("this is an empty list, and an exception for nothing is none")
    return items


_Names = Annotated[tuple[_Text, ...], Field(strict=False), AfterValidator(_some)]


class PolicyException(Declared):
    """One rule that does not count for these resources (their names in the program, in full) in these environments (stacks).

    `owner`: the team that answers for it. `expires`: the last day on which it counts, in UTC.
    """

    rule: _Text
    resources: _Names
    environments: _Names
    owner: _Text
    reason: _Text
    expires: date

    def covers(self, rule: str, resource: str, environment: str) -> bool:
        """Whether it is about that, expired or not."""
        return rule == self.rule and resource in self.resources and environment in self.environments

    def counts(self, today: date) -> bool:
        """Whether it has not expired."""
        return today <= self.expires

    def __str__(self) -> str:
        return f"the exception of {self.owner} until {self.expires} ({self.reason})"


def _meant(name: str, names: list[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"


class PolicyExceptions(Declared):
    """The content of `policy-exceptions.yaml`."""

    apiVersion: Literal["mlgate/v1"]
    kind: Literal["PolicyExceptions"]
    exceptions: Annotated[tuple[PolicyException, ...], Field(strict=False)]

    @classmethod
    def of(cls, folder: Path, rules: Iterable[str]) -> PolicyExceptions:
        """Those of the project around the folder; none where it has no such file. `rules`: the names there are.

        Raises DeclarationError with everything that is wrong in it, file and line.
        """
        path = (project_folder(folder) or folder) / FILE
        if not path.exists():
            return cls(apiVersion="mlgate/v1", kind="PolicyExceptions", exceptions=())
        found = read_document(path, cls)
        _, lines = parse_yaml(path.read_text(encoding="utf-8"), str(path))
        names = sorted(rules)
        problems = [
            Problem(f"{path}:{lines['exceptions', index, 'rule']}", f"there is no rule {each.rule!r}", _meant(each.rule, names))
            for index, each in enumerate(found.exceptions)
            if each.rule not in names
        ]
        if problems:
            raise DeclarationError(problems)
        return found

    def covering(self, rule: str, resource: str, environment: str) -> list[PolicyException]:
        """Those about that, expired or not."""
        return [each for each in self.exceptions if each.covers(rule, resource, environment)]
