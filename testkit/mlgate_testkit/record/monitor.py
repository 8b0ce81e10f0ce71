"""The engine's side of a recording: answers every request of the program at once, and keeps all of each.

Pulumi's own MockMonitor hands a test the type, the name and the inputs; parent, protect, dependencies, aliases and the rest are lost on
the way (pulumi#14421, #6666, #16042). This one is asked by the same runtime and keeps the whole request.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.mocks import MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.proto import resource_pb2

from mlgate.errors import UsageError
from mlgate_testkit.provider.values import UNKNOWN, Secret, from_struct, to_struct
from mlgate_testkit.record.creation import Creations
from mlgate_testkit.record.placeholders import beside_inputs_unknown, identity, outputs_of
from mlgate_testkit.record.resource import STACK, Resource
from mlgate_testkit.record.tables import Tables
from mlgate_testkit.record.transforms import Transforms

__all__ = ["NoMocks", "RecordingMonitor"]


class NoMocks(Mocks):
    """What `set_mocks` wants beside a monitor. The monitor answers everything itself."""

    def call(self, args: Any) -> Any:
        raise NotImplementedError

    def new_resource(self, args: MockResourceArgs) -> Any:
        raise NotImplementedError


class RecordingMonitor(MockMonitor):
    """Called by Pulumi's runtime from several threads. `recorded` is in the order of registration; `exports` are the stack's outputs."""

    def __init__(self, *, project: str, stack: str, preview: bool, tables: Tables, creations: Creations) -> None:
        super().__init__(NoMocks())
        self._stack_prefix = f"urn:pulumi:{stack}::{project}::"
        self._preview = preview
        self._tables = tables
        self._creations = creations
        self._transforms = Transforms()
        self._lock = threading.Lock()
        self._packages: dict[str, str] = {}
        self.recorded: dict[str, Resource] = {}
        self.exports: dict[str, Any] = {}

    # What the names below are called is the protocol's choice.

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        urn = self.make_urn(request.parent, request.type, request.name)
        self._transforms.register(urn, request)
        request = self._transforms.apply(request, self._ancestors(request.parent))
        if request.type == STACK:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        inputs = from_struct(request.object)
        parent = self.recorded.get(request.parent)
        retained = request.retainOnDelete if request.HasField("retainOnDelete") else parent is not None and parent.retain_on_delete
        resource_class = self._class(request.type, request.name)
        created = request.custom or request.remote
        outputs = self._made(request, resource_class, inputs) if created else {}
        resource_id = outputs.pop("id", None) if request.custom else None
        for key in request.additionalSecretOutputs:
            if key in outputs and not isinstance(outputs[key], Secret):
                outputs[key] = Secret(outputs[key])
        self._keep(
            Resource(
                type=request.type,
                name=request.name,
                urn=urn,
                inputs=inputs,
                outputs=outputs,
                id=resource_id,
                custom=request.custom,
                remote=request.remote,
                protect=request.protect,
                retain_on_delete=retained,  # the engine, not the SDK, passes this and deleted_with on from the parent
                delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
                ignore_changes=tuple(request.ignoreChanges),
                replace_on_changes=tuple(request.replaceOnChanges),
                additional_secret_outputs=tuple(request.additionalSecretOutputs),
                aliases=_aliases(request),
                custom_timeouts=_timeouts(request.customTimeouts),
                hooks={kind.name: tuple(names) for kind, names in request.hooks.ListFields()},
                import_id=request.importId or None,
                version=request.version or None,
                parent_urn=request.parent or None,
                dependency_urns=tuple(sorted(request.dependencies)),
                property_dependency_urns={key: tuple(sorted(found.urns)) for key, found in request.propertyDependencies.items()},
                provider_reference=request.provider or None,
                provider_references=dict(request.providers),
                deleted_with_urn=request.deletedWith or (parent.deleted_with_urn if parent else None),
                sdk_class=resource_class,
            )
        )
        told = {key: value for key, value in outputs.items() if value is not UNKNOWN} if self._preview else outputs
        return resource_pb2.RegisterResourceResponse(
            urn=urn, id="" if resource_id in {None, UNKNOWN} else resource_id, object=to_struct(told)
        )

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        urn = self.make_urn(request.parent, request.type, request.name)
        inputs = from_struct(request.properties)
        resource_class = self._class(request.type, request.name)
        if request.type == "pulumi:pulumi:StackReference":
            outputs = self._tables.stack_reference(request.id)
        else:
            marked = outputs_of(resource_class, request.type, request.name, inputs)
            outputs = {**marked, **self._tables.outputs(request.type, resource_class, request.name, inputs)}
        self._keep(
            Resource(
                type=request.type,
                name=request.name,
                urn=urn,
                inputs=inputs,
                outputs=outputs,
                id=request.id,
                read=True,
                parent_urn=request.parent or None,
                dependency_urns=tuple(sorted(request.dependencies)),
                provider_reference=request.provider or None,
                version=request.version or None,
                sdk_class=resource_class,
            )
        )
        return resource_pb2.ReadResourceResponse(urn=urn, properties=to_struct(outputs))

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        outputs = from_struct(request.outputs)
        if request.urn in self.recorded:
            self.recorded[request.urn].outputs = outputs
        else:
            self.exports = outputs
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        arguments = from_struct(request.args)
        if request.tok == "pulumi:pulumi:getResource":
            found = self.recorded[arguments["urn"]]
            result = {"urn": found.urn, "id": found.id, "state": dict(found.outputs)}
        else:
            result = self._tables.invoke(request.tok, arguments)
        return resource_pb2.ResourceInvokeResponse(**{"return": to_struct(result)})

    def Call(self, request: Any) -> Any:  # noqa: N802
        from pulumi.runtime.proto import provider_pb2

        result = self._tables.invoke(request.tok, from_struct(request.args))
        return provider_pb2.CallResponse(**{"return": to_struct(result)})

    def RegisterStackTransform(self, request: Any) -> Any:  # noqa: N802
        self._transforms.for_stack.append(request)
        return empty_pb2.Empty()

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As the engine writes it: the types of all components above it, without the stack's."""
        above = parent.split("::")[2] if parent else STACK
        return self._stack_prefix + (type_ if above == STACK else f"{above}${type_}") + f"::{name}"

    def _keep(self, resource: Resource) -> None:
        with self._lock:
            if resource.urn not in self.recorded:
                self.recorded[resource.urn] = resource
                return
        places = [creation.made_by for creation in self._creations.of(resource.type, resource.name) if creation.made_by]
        raise UsageError(
            f"two resources are {resource.type} {resource.name} under the same parent: {resource.urn}",
            where=" and ".join(dict.fromkeys(places)),
            remedy="give one of them another name; the engine refuses this program",
        )

    def _ancestors(self, parent: str) -> list[str]:
        found: list[str] = []
        while parent in self.recorded:
            found.append(parent)
            parent = self.recorded[parent].parent_urn or ""
        return found

    def _class(self, token: str, name: str) -> type | None:
        creations = self._creations.of(token, name)
        return type(creations[0].resource) if creations else None

    def _made(self, request: Any, resource_class: type | None, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Outputs and id of a created resource. In a preview only its inputs are known, and the tables stay closed (not so for a read)."""
        outputs = outputs_of(resource_class, request.type, request.name, inputs)
        if self._preview:
            return {**beside_inputs_unknown(outputs, inputs), "id": request.importId or UNKNOWN}
        stated = self._tables.outputs(request.type, resource_class, request.name, inputs)
        return {"id": request.importId or identity(request.type, request.name), **outputs, **stated}


def _aliases(request: Any) -> tuple[str | dict[str, Any], ...]:
    """Each once: SDKs merge their own in twice."""
    found: list[str | dict[str, Any]] = [*map(_alias, request.aliases), *request.aliasURNs]
    return tuple(alias for index, alias in enumerate(found) if alias not in found[:index])


def _alias(alias: Any) -> str | dict[str, Any]:
    if alias.WhichOneof("alias") == "urn":
        return str(alias.urn)
    return {field.name: value for field, value in alias.spec.ListFields() if value}


def _timeouts(timeouts: Any) -> dict[str, str]:
    return {field.name: value for field, value in timeouts.ListFields()}
