"""One resource of a graph: what the program asked the engine for, with everything that Pulumi's own mocks leave out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlgate.errors import UsageError
from mlgate_testkit.nearest import listed, nearest

if TYPE_CHECKING:
    from mlgate_testkit.record.graph import Graph

__tracebackhide__ = True  # a test that fails shows the line of the test
__all__ = ["NoPropertyError", "Properties", "Resource"]

STACK = "pulumi:pulumi:Stack"


class Properties(dict[str, Any]):
    """A resource's inputs or outputs. One that is not there is told with the nearest that is: programs write names the other way."""

    def __init__(self, values: Mapping[str, Any], place: str) -> None:
        super().__init__(values)
        self._place = place

    def __missing__(self, key: str) -> Any:
        near = nearest(str(key), self)
        told = f"nearest is {near!r}; " if near else ""
        raise NoPropertyError(f"there is no {key!r}", where=self._place, remedy=f"{told}there are {listed(sorted(self)) or 'none at all'}")


class NoPropertyError(UsageError, KeyError):
    """A test asks for an input or output that the resource has not."""


@dataclass(eq=False, kw_only=True, repr=False)
class Resource:
    """A registration in plain Python. `inputs` and `outputs` have Pulumi's own (camelCase) names; secrets are `Secret`, what only the cloud
    knows is `UNKNOWN`, files are `Asset` and `Archive`, a resource given as a value is a `ResourceReference`.

    `read` is true where the program looked an existing resource up (`Bucket.get`, a stack reference) and does not manage it. `remote` is a
    component that another process would build: its children are not in the graph. `made_by` is the line of the program, "file:line".
    `camel`: whether the program writes the keys of its dictionaries in camelCase; None where none shows it.
    """

    type: str
    name: str
    urn: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    id: Any = None
    custom: bool = True
    remote: bool = False
    read: bool = False
    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool | None = None
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[str | Mapping[str, Any], ...] = ()
    custom_timeouts: Mapping[str, str] = field(default_factory=dict)
    hooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    import_id: str | None = None
    version: str | None = None
    made_by: str | None = None

    parent_urn: str | None = None
    dependency_urns: tuple[str, ...] = ()
    property_dependency_urns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provider_reference: str | None = None
    provider_references: Mapping[str, str] = field(default_factory=dict)
    deleted_with_urn: str | None = None
    declared_dependency_urns: tuple[str, ...] = ()
    maker_urns: tuple[str, ...] = ()
    sdk_class: Any = None
    camel: bool | None = None
    graph: Graph = field(init=False)

    @property
    def component(self) -> bool:
        """Whether this only groups others and exists in no cloud."""
        return not self.custom

    @property
    def parent(self) -> Resource | None:
        """The component (or resource) it stands in; None directly under the stack."""
        return self.graph.find(self.parent_urn)

    @property
    def children(self) -> list[Resource]:
        return self.graph.children_of(self.urn)

    @property
    def descendants(self) -> list[Resource]:
        """Children, their children and so on, each before its own."""
        return [found for child in self.children for found in (child, *child.descendants)]

    @property
    def ancestors(self) -> list[Resource]:
        """The parent, its parent and so on, without the stack."""
        found: list[Resource] = []
        node = self.parent
        while node is not None and node not in found:
            found.append(node)
            node = node.parent
        return found

    @property
    def path(self) -> str:
        """The names from the stack down: "platform/cluster/nodes"."""
        return "/".join([*(ancestor.name for ancestor in reversed(self.ancestors)), self.name])

    @property
    def depends_on(self) -> list[Resource]:
        """What the engine makes first: the `depends_on` of the program and whatever an input was computed from."""
        return [found for urn in self.dependency_urns if (found := self.graph.find(urn))]

    @property
    def declared_depends_on(self) -> list[Resource]:
        """What the program named in `depends_on`. Pulumi puts a component's resources in its place, and drops what would go in a circle."""
        return [found for urn in self.declared_dependency_urns if (found := self.graph.find(urn))]

    @property
    def property_dependencies(self) -> dict[str, list[Resource]]:
        """For each input the resources that it was computed from."""
        return {
            key: [found for urn in urns if (found := self.graph.find(urn))] for key, urns in self.property_dependency_urns.items() if urns
        }

    @property
    def provider(self) -> Resource | None:
        """The provider it was given; None where it takes the default one."""
        return self.graph.find(self.provider_reference and self.provider_reference.rpartition("::")[0])

    @property
    def providers(self) -> dict[str, Resource]:
        """The providers a component was given, by package."""
        return {
            package: found
            for package, reference in self.provider_references.items()
            if (found := self.graph.find(reference.rpartition("::")[0]))
        }

    @property
    def deleted_with(self) -> Resource | None:
        return self.graph.find(self.deleted_with_urn)

    @property
    def makers(self) -> list[Resource]:
        """The components whose code made it, innermost first: one of them should be its parent."""
        return [found for urn in self.maker_urns if (found := self.graph.find(urn))]

    def needs(self, other: Resource) -> bool:
        """Whether the engine makes `other` before this one and deletes it after it, directly or by way of others.

        A resource also needs its parent and its provider (pulumi/pkg, resource/graph, DependenciesOf): so what a component depends on is
        needed by all that is in it.
        """
        seen: set[str] = set()
        pending = [self]
        while pending:
            here = pending.pop()
            for dependency in (*here.depends_on, *(each for each in (here.parent, here.provider) if each)):
                if dependency is other:
                    return True
                if dependency.urn not in seen:
                    seen.add(dependency.urn)
                    pending.append(dependency)
        return False

    def __str__(self) -> str:
        return f"{self.type} {self.path}"

    def __repr__(self) -> str:
        return f"<{self}>"
