"""What AWS made for an engine that died before it was told: taken into the state where there is one candidate, else listed.

The engine notes in the state what it is about to create, with all inputs, and takes the note away with the answer. Where it is killed in
between, the note says what to look for: automatic names are among the inputs, so what goes by a name is found by it; what has none (most
of EC2, keys) by the tags of the environment and of the resource. An object of Kubernetes goes by its name, and is refused where it exists.

Ran: `pulumi refresh --import-pending-creates URN ID` of 3.259 marks the operation as an import, which nothing carries out, and forgets it
with the next update (pkg/cmd/pulumi/operations/refresh.go). So the note becomes a resource of the state here, and a refresh reads the rest.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from mlgate_delivery.orphan_kinds import BY_TAGS, Where, ids_of_inputs, is_object, kind_of
from mlgate_tools.tool import Progress

__all__ = ["Left", "Recoverable", "adopt"]

# Tags of what services and controllers make by themselves, with ours handed on to it: it goes with what they look after.
_THEIRS = ("aws:", "eks:", "karpenter.", "kubernetes.io/", "elbv2.k8s.aws/", "ebs.csi.aws.com/")
_AT_ONCE = 200  # EC2 API reference, DescribeTags: values of one filter
Tags = Mapping[str, str]


class Recoverable(Protocol):
    """A stack that nobody updates."""

    def export(self) -> Mapping[str, Any]:
        """The state, as `pulumi stack export` gives it."""

    def import_(self, state: Mapping[str, Any], /) -> None:
        """Replaces the state, as `pulumi stack import` does: which forgets every operation that never ended."""

    def refresh(self) -> object:
        """`pulumi refresh` of everything, without asking."""


@dataclass(frozen=True, slots=True)
class Left:
    """What is there and was not taken over. `adopt` and `delete`: the commands for either, "" where there is none to name."""

    type: str
    name: str
    id: str
    why: str
    adopt: str = ""
    delete: str = ""

    def __str__(self) -> str:
        ways = "".join(f"\n  {what} it: {command}" for what, command in (("adopt", self.adopt), ("delete", self.delete)) if command)
        return f"{self.type} {self.name} ({self.id}) {self.why}{ways}"


def adopt(stack: Recoverable, environment: str, where: Where, progress: Progress) -> Sequence[Left]:
    """Clears the operations that never ended, takes over what they had made, and returns what is left to a person.

    Raises botocore's errors for what these credentials may not ask: of keys that nobody knows after all else, of the rest before anything
    is changed.
    """
    state = stack.export()
    before = state["deployment"]
    operations = before.get("pending_operations") or []
    creates = {made["urn"]: made for each in operations if each["type"] == "creating" and (made := each["resource"]).get("custom")}
    things, known = _tagged(environment, where), _known(before)
    found = {urn: sorted(_candidates(made, things, where) - known) for urn, made in creates.items()}
    taken = {urn: ids[0] for urn, ids in found.items() if len(ids) == 1}
    if operations:
        progress(f"recovering: {len(operations)} operations were begun and never ended; looking at what there is")
        stack.import_(_with(state, [{**creates[urn], "id": its_id} for urn, its_id in taken.items()]))
        stack.refresh()
    after = stack.export()
    there = [made for made in after["deployment"].get("resources") or [] if made["urn"] in taken]
    strangers = [made["urn"] for made in there if not _alike(creates[made["urn"]], made)]
    if strangers:
        stack.import_(_with(after, [], without=strangers))
    for made in there:
        if made["urn"] not in strangers:
            progress(f"recovering: took over {made['type']} {_name(made['urn'])} ({made['id']})")
    left = [
        _left(environment, creates[urn], each, f"is one of {len(ids)} that it could be")
        for urn, ids in found.items()
        if len(ids) > 1
        for each in ids
    ]
    left += [_left(environment, creates[urn], taken[urn], _stranger(creates[urn]["type"])) for urn in strangers]
    return [*left, *_unknown(things, _known(after["deployment"]) | {each.id for each in left}, where)]


def _with(state: Mapping[str, Any], more: Sequence[Mapping[str, Any]], without: Sequence[str] = ()) -> Mapping[str, Any]:
    """The state with those resources at its end, since what they need is there, and without unfinished creates."""
    deployment = state["deployment"]
    kept = [made for made in deployment.get("resources") or [] if made["urn"] not in without]
    rest = [each for each in deployment.get("pending_operations") or [] if each["type"] != "creating"]
    return {**state, "deployment": {**deployment, "resources": [*kept, *more], "pending_operations": rest}}


def _candidates(made: Mapping[str, Any], things: Mapping[str, Tags], where: Where) -> set[str]:
    """The ids that what was to be made may have."""
    inputs = made.get("inputs") or {}
    try:
        by_inputs = ids_of_inputs(made["type"], inputs, where)
    except ClientError as error:
        if "NotFound" not in error.response["Error"]["Code"]:
            raise
        by_inputs = []  # what it belongs to is gone
    if by_inputs is not None:
        return set(by_inputs)
    wanted = (inputs.get("tags") or {}).items()
    of_it = {kind[1]: tags for called, tags in things.items() if (kind := kind_of(called)) and kind[0].type == made["type"]}
    return {each for each, tags in of_it.items() if wanted and wanted <= tags.items()}


def _tagged(environment: str, where: Where) -> dict[str, Tags]:
    """What carries the environment's tags: by its id where it is of EC2, by its ARN otherwise. Roles are not listed by any of both.

    EC2 is asked itself: the Resource Groups Tagging API knows no rules of security groups (its user guide, "Supported resources").
    """
    wanted = {"environment": environment, "managed-by": "mlgate"}
    ec2 = where.client("ec2").get_paginator("describe_tags")
    ours = [{"Name": "key", "Values": ["environment"]}, {"Name": "value", "Values": [environment]}]
    ids = [tag["ResourceId"] for page in ec2.paginate(Filters=ours) for tag in page["Tags"]]
    found: dict[str, dict[str, str]] = {}
    for start in range(0, len(ids), _AT_ONCE):
        for page in ec2.paginate(Filters=[{"Name": "resource-id", "Values": ids[start : start + _AT_ONCE]}]):
            for tag in page["Tags"]:
                found.setdefault(tag["ResourceId"], {})[tag["Key"]] = tag["Value"]
    filters = [{"Key": name, "Values": [value]} for name, value in wanted.items()]
    for page in where.client("resourcegroupstaggingapi").get_paginator("get_resources").paginate(TagFilters=filters):
        for each in page["ResourceTagMappingList"]:
            if each["ResourceARN"].split(":")[2] != "ec2":
                found[each["ResourceARN"]] = {tag["Key"]: tag["Value"] for tag in each["Tags"]}
    return {called: tags for called, tags in found.items() if wanted.items() <= tags.items()}


def _unknown(things: Mapping[str, Tags], known: set[str], where: Where) -> Iterator[Left]:
    """What carries our tags and no state knows: made for an answer that was lost, or kept by a destroy before."""
    for called, tags in things.items():
        kind, its_id = kind_of(called) or (None, called)
        by_others = any(name.startswith(_THEIRS) for name in tags) or tags.get("Name", "").startswith("mlgate-state-")
        if by_others or known & {called, its_id} or (kind and kind.type == "aws:kms/key:Key" and _goes(its_id, where)):
            continue
        token = kind.type if kind else called.split(":")[2] if called.startswith("arn:") else "ec2"
        name = tags.get("Name", "")
        delete = kind.delete.format(id=its_id) if kind else ""
        yield Left(token, name, its_id, "has the environment's tags, and the state does not know it", delete=delete)


def _goes(key: str, where: Where) -> bool:
    return bool(where.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion")


def _known(deployment: Mapping[str, Any]) -> set[str]:
    resources = [made for made in deployment.get("resources") or [] if made.get("custom")]
    return {each for made in resources for each in (made.get("id"), (made.get("outputs") or {}).get("arn")) if isinstance(each, str)}


def _alike(create: Mapping[str, Any], made: Mapping[str, Any]) -> bool:
    """Whether what was taken over has the tags that it was to get; what takes no tags belongs to something that is ours.

    An object of Kubernetes has no tags, and all that it was to say: the API server only adds to that.
    """
    outputs = made.get("outputs") or {}
    if is_object(create["type"]):
        return _says(outputs, create["inputs"])
    wanted = create["inputs"].get("tags") or {}
    return bool(wanted.items() <= (outputs.get("tags") or {}).items())


def _says(there: Any, wanted: Any) -> bool:
    """Whether every value of it is there, at its place."""
    if isinstance(wanted, Mapping) and isinstance(there, Mapping):
        return all(_says(there.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(there, list):
        return len(there) == len(wanted) and all(map(_says, there, wanted))
    return bool(there == wanted)


def _stranger(token: str) -> str:
    return f"has its name and not {'what it was to say' if is_object(token) else 'its tags'}, so it is somebody else's"


def _left(environment: str, create: Mapping[str, Any], its_id: str, why: str) -> Left:
    token, name = create["type"], _name(create["urn"])
    command = ["pulumi", "import", token, name, its_id, "--protect=false"]
    if parent := create.get("parent"):
        command += ["--parent", f"parent={parent}"]
    if provider := create.get("provider"):
        command += ["--provider", f"provider={provider.rpartition('::')[0]}"]
    delete = next((kind.delete.format(id=its_id) for kind in BY_TAGS if kind.type == token), "")
    return Left(token, name, its_id, why, f'eval "$(mlgate env {environment})" && {shlex.join(command)}', delete)


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]
