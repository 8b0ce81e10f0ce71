"""Rules about AWS: nothing public, everything tagged, names that fit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mlgate_testkit.lint.aws_policies import misspelt_elements, open_statements
from mlgate_testkit.lint.aws_tables import LIMITS
from mlgate_testkit.lint.findings import Finding, Rule, leaves, naming_input, physical_name
from mlgate_testkit.record import UNKNOWN, Graph, Resource, Secret
from mlgate_testkit.record.sdk import arguments_of, class_of, field_types

__all__ = ["RULES", "required_tags"]

_BUCKETS = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_BLOCKS = {
    "blockPublicAcls": "block_public_acls",
    "blockPublicPolicy": "block_public_policy",
    "ignorePublicAcls": "ignore_public_acls",
    "restrictPublicBuckets": "restrict_public_buckets",
}
_ACLS = ("aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2", *_BUCKETS)
_PUBLIC_ACLS = {"public-read", "public-read-write", "authenticated-read", "website"}
_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
_PREFIXES = ("namePrefix", "NamePrefix", "bucketPrefix", "identifierPrefix", "IdentifierPrefix")
_ADDED = 8
"""The provider's own names end in "-" and 7 characters."""


def _public_buckets(graph: Graph) -> Iterator[Finding]:
    blocked = [(block, _bucket_of(block, graph)) for block in graph.all(_BLOCK)]
    for token in _BUCKETS:
        for bucket in graph.all(token):
            if not bucket.read and not any(found is bucket for _, found in blocked):
                yield Finding.of(
                    "public-bucket",
                    bucket,
                    "BucketPublicAccessBlock",
                    "nothing says that it stays private whatever its policy and its objects say",
                    "add a BucketPublicAccessBlock with all four settings True",
                )
    for block, _ in blocked:
        for wire, name in _BLOCKS.items():
            if block.inputs.get(wire) not in {True, UNKNOWN}:
                shown = json.dumps(block.inputs.get(wire))
                yield Finding.of("public-bucket", block, name, f"it is {shown}: the bucket can be made public", f"set {name}=True")
    for token in _ACLS:
        for resource in graph.all(token):
            if resource.inputs.get("acl") in _PUBLIC_ACLS:
                problem = f'"{resource.inputs["acl"]}" lets people outside the account read it'
                yield Finding.of("public-bucket", resource, "acl", problem, 'use "private", and a policy for those who need it')
    for token in (_POLICY, *_BUCKETS):
        for holder in graph.all(token):
            for statement in open_statements(holder.inputs.get("policy")):
                named = f"statement {statement['Sid']!r}" if statement.get("Sid") else "a statement"
                problem = f"{named} allows {_actions(statement)} to everybody"
                remedy = "name the principals, or add a Condition that does (aws:PrincipalOrgID) or says from where (aws:SourceVpce)"
                yield Finding.of("public-bucket", holder, "policy", problem, remedy)


def _misspelt_policies(graph: Graph) -> Iterator[Finding]:
    """IAM refuses such a policy with "Syntax errors in policy." and says no more."""
    for resource in graph.resources:
        if resource.type.startswith("aws:") and not resource.read:
            for path, value in leaves(resource.inputs):
                for element, near in misspelt_elements(value):
                    problem = f'a policy has no element "{element.rpartition(".")[2]}"'
                    yield Finding.of("misspelt-policy", resource, f"{path}: {element}", problem, f'nearest is "{near}"')


def _bucket_of(block: Resource, graph: Graph) -> Resource | None:
    """By dependency, as programs write it; by name, as state has it too."""
    depended = next((each for each in block.property_dependencies.get("bucket", ()) if each.type in _BUCKETS), None)
    if depended is not None:
        return depended
    name = block.inputs.get("bucket")
    return next(
        (bucket for token in _BUCKETS for bucket in graph.all(token) if name and name in {bucket.id, bucket.inputs.get("bucket")}), None
    )


def _actions(statement: Mapping[str, Any]) -> str:
    actions = statement.get("Action", "*")
    return ", ".join(actions) if isinstance(actions, list) else str(actions)


def _untagged(graph: Graph) -> Iterator[Finding]:
    return _without_tags(graph, ())


def required_tags(*keys: str) -> Rule:
    """A rule that every resource of AWS that can have tags has these. Default tags of a provider count."""

    def check(graph: Graph) -> Iterator[Finding]:
        return _without_tags(graph, keys)

    return Rule("tags", f"what can have tags has {', '.join(keys)}", check)


def _without_tags(graph: Graph, keys: tuple[str, ...]) -> Iterator[Finding]:
    for resource in graph.resources:
        if not resource.type.startswith("aws:") or resource.component or resource.read or not _taggable(resource):
            continue
        tags = resource.inputs.get("tags")
        if isinstance(tags, Secret):
            tags = tags.value
        given = {**_default_tags(resource), **(tags if isinstance(tags, Mapping) else {})}
        if tags is UNKNOWN:
            continue
        missing = [key for key in keys if not given.get(key)]
        if missing:
            yield Finding.of("tags", resource, "tags", f"{', '.join(missing)} missing", f"add tags={{{missing[0]!r}: ...}}")
        elif not given:
            yield Finding.of("tags", resource, "tags", "it has none", "give it tags, or its provider default_tags")


def _taggable(resource: Resource) -> bool:
    """As the SDK says; where none is installed, a resource is not judged."""
    known = resource.sdk_class if resource.sdk_class is not None else class_of(resource.type)
    arguments = arguments_of(known) if known is not None else None
    return arguments is not None and "tags" in field_types(arguments)


def _default_tags(resource: Resource) -> Mapping[str, Any]:
    """Of its own provider, or of the default one, which the configuration speaks to. Both are JSON texts."""
    provider = resource.provider
    stated = provider.inputs.get("defaultTags") if provider is not None else resource.graph.config.get("aws:defaultTags")
    if isinstance(stated, str):
        stated = json.loads(stated)
    tags = stated.get("tags") if isinstance(stated, Mapping) else None
    return tags if isinstance(tags, Mapping) else {}


def _names(graph: Graph) -> Iterator[Finding]:
    for resource in graph.resources:
        limit = LIMITS.get(resource.type)
        if limit is None or resource.read or any(key.endswith(_PREFIXES) for key in resource.inputs):
            continue
        named = physical_name(resource)
        if named is None and naming_input(resource) is not None:
            continue  # a name that is still to come
        key, name = named or ("name", resource.name)
        added = 0 if named else _ADDED
        if not limit.shortest <= len(name) + added <= limit.longest:
            with_added = f", {len(name) + added} with the {added} that Pulumi adds" if added else ""
            problem = f'"{name}" has {len(name)} characters{with_added}; allowed are {limit.shortest} to {limit.longest} ({limit.api})'
            yield Finding.of("name-limits", resource, key, problem, "shorten it" if len(name) > limit.shortest else "lengthen it")
        elif not limit.fits(name):
            problem = f'"{name}" has characters that are not allowed ({limit.api})'
            yield Finding.of("name-limits", resource, key, problem, f"use {limit.characters}")


RULES: tuple[Rule, ...] = (
    Rule("public-bucket", "no bucket is public, or can become it", _public_buckets),
    Rule("misspelt-policy", "the elements of a policy are those of IAM's grammar", _misspelt_policies),
    Rule("tags", "what can have tags has some", _untagged),
    Rule("name-limits", "names keep to the length and characters of their API", _names),
)
