"""What a program asks for, as a graph that tests query. A recording builds one, so does a state export (`Graph.from_state`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlgate.errors import UsageError
from mlgate_testkit.nearest import listed, nearest
from mlgate_testkit.provider.values import Secret
from mlgate_testkit.record.configuration import ClearRead
from mlgate_testkit.record.resource import Properties, Resource
from mlgate_testkit.record.sdk import token_of

__tracebackhide__ = True  # a test that fails shows the line of the test
__all__ = ["Graph"]


class Graph:
    """Resources in the order in which the program makes them, without the stack itself, and the stack's exports (`outputs`).

    `unchecked` holds the types whose arguments could not be checked, because no SDK for them is installed. Of a recording only: `config` is
    its configuration, each key with its namespace, secrets marked; `read_in_clear` the secrets of it that the program read without their
    mark; `literals` the texts in the code that makes resources.
    """

    def __init__(
        self,
        resources: Iterable[Resource],
        *,
        project: str,
        stack: str,
        outputs: Mapping[str, Any] | None = None,
    ) -> None:
        self.project = project
        self.stack = stack
        self.outputs = dict(outputs or {})
        self.unchecked: tuple[str, ...] = ()
        self.config: Mapping[str, str | Secret] = {}
        self.read_in_clear: tuple[ClearRead, ...] = ()
        self.literals: frozenset[str] = frozenset()
        self.resources = list(resources)
        self._by_urn = {resource.urn: resource for resource in self.resources}
        self._children: dict[str | None, list[Resource]] = {}
        for resource in self.resources:
            resource.graph = self
            resource.inputs = Properties(resource.inputs, f"inputs of {resource.type} {resource.name}")
            resource.outputs = Properties(resource.outputs, f"outputs of {resource.type} {resource.name}")
            parent = resource.parent_urn if resource.parent_urn in self._by_urn else None
            self._children.setdefault(parent, []).append(resource)

    @classmethod
    def from_state(cls, export: Mapping[str, Any]) -> Graph:
        """The graph of a deployed stack: `export` is what `pulumi stack export` prints, read from JSON.

        Secrets are `Secret(UNKNOWN)` unless it was exported with `--show-secrets`. State holds no `made_by`, no
        `delete_before_replace`, no `version`, no `providers` of a component, and aliases as URNs.
        """
        from mlgate_testkit.record.state import read_state

        return cls(**read_state(export))

    @property
    def roots(self) -> list[Resource]:
        """What stands directly under the stack."""
        return list(self._children.get(None, ()))

    def find(self, urn: str | None) -> Resource | None:
        """The resource of that URN, or None: a stack, or one that this program does not make."""
        return self._by_urn.get(urn) if urn else None

    def children_of(self, urn: str) -> list[Resource]:
        return list(self._children.get(urn, ()))

    def all(self, type: str | type, name: str | None = None) -> list[Resource]:  # noqa: A002 - Pulumi's own word for it
        """Every resource of that type (a token, or the SDK's or a component's class), and of that name where one is given."""
        return [resource for resource in self.resources if _is(resource, type) and name in {None, resource.name}]

    def one(self, type: str | type, name: str | None = None) -> Resource:  # noqa: A002 - Pulumi's own word for it
        """The one resource of that type (and name). Raises UsageError, naming what there is, where there is none or more than one."""
        found = self.all(type, name)
        if len(found) == 1:
            return found[0]
        wanted = f"{_text(type)} {name}" if name else _text(type)
        if found:
            paths = [f"{resource.path} ({resource.made_by})" if resource.made_by else resource.path for resource in found]
            raise UsageError(
                f"{len(found)} resources are {wanted}: {listed(paths)}",
                where=f"graph of {self.project}/{self.stack}",
                remedy=f"name one: graph.one({_text(type)!r}, {found[0].name!r}), or take them all with graph.all",
            )
        raise UsageError(f"no resource is {wanted}", where=f"graph of {self.project}/{self.stack}", remedy=self._nearest(type))

    def tree(self) -> str:
        """The graph as text for a golden file: the same for any order of registration, secrets and unknowns masked."""
        from mlgate_testkit.record.tree import render

        return render(self)

    def __repr__(self) -> str:
        return f"<graph of {self.project}/{self.stack}: {len(self.resources)} resources>"

    def _nearest(self, wanted: str | type) -> str:
        same = self.all(wanted)
        if same:
            return f"of this type there are: {listed(sorted(resource.name for resource in same))}"
        types = sorted({resource.type for resource in self.resources})
        if not types:
            return "the program registers no resource at all"
        near = nearest(_text(wanted), types)
        return (f"nearest is {near}; " if near else "") + f"there are: {listed(types)}"


def _is(resource: Resource, wanted: str | type) -> bool:
    if isinstance(wanted, str):
        return resource.type == wanted
    # A program of files imports its modules anew, so its component and the test's are two classes of one name.
    name = (wanted.__module__, wanted.__qualname__)
    if resource.sdk_class is not None and any((base.__module__, base.__qualname__) == name for base in resource.sdk_class.__mro__):
        return True
    return resource.type == token_of(wanted)


def _text(wanted: str | type) -> str:
    return wanted if isinstance(wanted, str) else (token_of(wanted) or wanted.__name__)
