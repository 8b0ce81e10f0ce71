"""Runs the transforms that a program registers (automatic tags, enforced options), in the engine's order and over its protocol.

The program's side of it is Pulumi's own callback server; the engine calls it before it registers a resource: first the resource's own
transforms, then those of each component above it, then the stack's (pkg/resource/deploy/source_eval.go, RegisterResource).
"""

from __future__ import annotations

import re
import threading
from typing import Any

import grpc
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

from mlgate.errors import StackError
from mlgate_testkit.record.resource import STACK

__all__ = ["Transforms"]

_SAME = ("aliases", "hooks", "provider", "providers", "replace_with", "version")
_RENAMED = {
    "additional_secret_outputs": "additionalSecretOutputs",
    "custom_timeouts": "customTimeouts",
    "delete_before_replace": "deleteBeforeReplace",
    "deleted_with": "deletedWith",
    "depends_on": "dependencies",
    "ignore_changes": "ignoreChanges",
    "import": "importId",
    "plugin_download_url": "pluginDownloadURL",
    "protect": "protect",
    "replace_on_changes": "replaceOnChanges",
    "retain_on_delete": "retainOnDelete",
}
_FIELDS = {**dict(zip(_SAME, _SAME, strict=True)), **_RENAMED}


class Transforms:
    """`for_stack`: the callbacks registered for the whole stack. Called from several threads."""

    def __init__(self) -> None:
        self.for_stack: list[Any] = []
        self._for_resource: dict[str, list[Any]] = {}
        self._lock = threading.Lock()

    def register(self, urn: str, request: Any) -> None:
        """Keeps a resource's own transforms for what will stand below it."""
        if request.transforms:
            with self._lock:
                self._for_resource[urn] = list(request.transforms)

    def apply(self, request: Any, ancestors: list[str]) -> Any:
        """The request as the engine would see it after all transforms. `ancestors`: URNs, the parent first.

        Raises StackError, with the program's own words, where a transform fails.
        """
        callbacks = [
            *request.transforms,
            *(callback for urn in ancestors for callback in self._for_resource.get(urn, ())),
            *self.for_stack,
        ]
        if not callbacks or request.type == STACK:
            return request
        changed = resource_pb2.RegisterResourceRequest()
        changed.CopyFrom(request)
        for callback in callbacks:
            _run(callback, changed)
        return changed


def _run(callback: Any, request: Any) -> None:
    asked = resource_pb2.TransformRequest(
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=request.parent,
        properties=request.object,
        options=_options(request),
    )
    with grpc.insecure_channel(callback.target) as channel:
        try:
            answer = callback_pb2_grpc.CallbacksStub(channel).Invoke(
                callback_pb2.CallbackInvokeRequest(token=callback.token, request=asked.SerializeToString())
            )
        except grpc.RpcError as error:
            details = re.sub(r"^Invoke callback \S+ error: ", "", str(error.details()))
            raise StackError(f"a transform of {request.type} {request.name} failed: {details}", remedy="correct the transform") from error
    response = resource_pb2.TransformResponse.FromString(answer.response)
    request.object.CopyFrom(response.properties)
    if response.HasField("options"):
        _change(request, response.options)


def _options(request: Any) -> Any:
    options = resource_pb2.TransformResourceOptions()
    for theirs, ours in _FIELDS.items():
        _copy(request, ours, options, theirs)
    if not request.deleteBeforeReplaceDefined:
        options.ClearField("delete_before_replace")
    return options


def _change(request: Any, options: Any) -> None:
    for theirs, ours in _FIELDS.items():
        _copy(options, theirs, request, ours)
    request.deleteBeforeReplaceDefined = options.HasField("delete_before_replace")


def _copy(source: Any, source_name: str, target: Any, target_name: str) -> None:
    """One field as it stands: absent stays absent."""
    target.ClearField(target_name)
    descriptor = source.DESCRIPTOR.fields_by_name[source_name]
    value = getattr(source, source_name)
    if descriptor.has_presence:
        if not source.HasField(source_name):
            return
        if descriptor.message_type is None:
            setattr(target, target_name, value)
        else:
            getattr(target, target_name).CopyFrom(value)
    elif descriptor.message_type is not None and descriptor.message_type.GetOptions().map_entry:
        getattr(target, target_name).update(value)
    elif isinstance(value, (str, bool)):
        setattr(target, target_name, value)
    else:
        getattr(target, target_name).extend(value)
