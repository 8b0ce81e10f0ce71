"""Objects in buckets: `s3.BucketObjectv2` and the older `s3.BucketObject`."""

from __future__ import annotations

import base64
import re
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel
from mlgate_testkit.aws.models.s3_bucket import BUCKET
from mlgate_testkit.aws.rules import Rule, base64_text, choice, conflicting, holds
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs, ProviderError
from mlgate_testkit.provider.values import Archive, Asset

__all__ = ["MODELS"]

_HEADERS = {
    "cacheControl": "CacheControl",
    "contentDisposition": "ContentDisposition",
    "contentEncoding": "ContentEncoding",
    "contentLanguage": "ContentLanguage",
    "contentType": "ContentType",
    "kmsKeyId": "SSEKMSKeyId",
    "metadata": "Metadata",
    "objectLockLegalHoldStatus": "ObjectLockLegalHoldStatus",
    "objectLockMode": "ObjectLockMode",
    "serverSideEncryption": "ServerSideEncryption",
    "storageClass": "StorageClass",
    "websiteRedirect": "WebsiteRedirectLocation",
}
_BODY = ("source", "content", "contentBase64")


def _bytes(inputs: Inputs) -> bytes:
    """The body. Raises ProviderError for a source that cannot be read, or that only the real provider can put together."""
    if inputs.get("contentBase64") is not None:
        return base64.b64decode(inputs["contentBase64"])
    source = inputs.get("source")
    if source is None:
        return str(inputs.get("content") or "").encode()
    if isinstance(source, Archive) and source.path is None:
        raise ProviderError("an archive of several assets as an object's source is not simulated: give the path of an archive file")
    if isinstance(source, Asset) and source.text is not None:
        return source.text.encode()
    try:
        if source.path is not None:
            return Path(source.path).read_bytes()
        with urllib.request.urlopen(source.uri) as answer:  # noqa: S310 - the address is the program's own
            return bytes(answer.read())
    except OSError as error:
        raise ProviderError(f"opening S3 object source ({source.path or source.uri}): {error}") from error


def _put(aws: Aws, inputs: Inputs) -> str:
    bucket, key = inputs["bucket"], inputs["key"]
    aws.wait_for(BUCKET, bucket, refusal("NoSuchBucket", "The specified bucket does not exist", "PutObject"))
    request: dict[str, Any] = {name: inputs[argument] for argument, name in _HEADERS.items() if inputs.get(argument) is not None}
    if inputs.get("objectLockRetainUntilDate"):
        request["ObjectLockRetainUntilDate"] = inputs["objectLockRetainUntilDate"]
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=_bytes(inputs), **request)
    _tag(aws, bucket, key, inputs["tags"])
    return f"{bucket}/{key}"


def _tag(aws: Aws, bucket: str, key: str, tags: Mapping[str, str]) -> None:
    s3 = aws.client("s3")
    if tags:
        s3.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": tag_list(tags)})
    else:
        s3.delete_object_tagging(Bucket=bucket, Key=key)


def _place(resource_id: str) -> tuple[str, str]:
    bucket, _, key = resource_id.removeprefix("s3://").partition("/")
    return bucket, key


def _read(aws: Aws, resource_id: str, _known: Inputs) -> Outputs | None:
    s3, (bucket, key) = aws.client("s3"), _place(resource_id)
    head = s3.head_object(Bucket=bucket, Key=key)
    return {
        "bucket": bucket,
        "key": key,
        "arn": f"arn:{aws.partition}:s3:::{bucket}/{key}",
        "etag": head["ETag"].strip('"'),
        "versionId": head.get("VersionId", ""),
        "contentType": head.get("ContentType"),
        "metadata": head.get("Metadata") or None,
        "storageClass": head.get("StorageClass", "STANDARD"),
        "serverSideEncryption": head.get("ServerSideEncryption", "AES256"),
        **{
            argument: head.get(_HEADERS[argument])
            for argument in ("cacheControl", "contentDisposition", "contentEncoding", "contentLanguage")
        },
        "tags": tags_of(s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]),
    }


def _read_v2(aws: Aws, resource_id: str, known: Inputs) -> Outputs | None:
    sums = dict.fromkeys(("checksumCrc32", "checksumCrc32c", "checksumCrc64nvme", "checksumSha1", "checksumSha256"), "")
    found = _read(aws, resource_id, known)
    return found and sums | found


def _update(aws: Aws, resource_id: str, olds: Inputs, news: Inputs) -> None:
    if {**olds, "tags": None} == {**news, "tags": None}:
        _tag(aws, *_place(resource_id), news["tags"])
    else:
        _put(aws, news)


def _delete(aws: Aws, resource_id: str, inputs: Inputs) -> None:
    s3, (bucket, key) = aws.client("s3"), _place(resource_id)
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
        for each in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
            if each["Key"] == key:
                forced = {"BypassGovernanceRetention": True} if inputs.get("forceDestroy") else {}
                s3.delete_object(Bucket=bucket, Key=key, VersionId=each["VersionId"], **forced)


def _at_most_ten_tags() -> Rule:
    return holds("tags", lambda tags: f"{len(tags)} tags; an object has at most 10" if len(tags) > 10 else "")


def _same_source(before: Any, after: Any) -> bool:
    """Whether two files are the same: by content, wherever they lie."""
    return bool(before == after or (getattr(before, "hash", None) and before.hash == getattr(after, "hash", None)))


def _metadata(inputs: Inputs) -> Iterator[Failure]:
    """They travel as headers, in lower case."""
    given = inputs.get("metadata")
    for key in given if isinstance(given, Mapping) else ():
        if not re.fullmatch(r"[a-z0-9!#$%&'*+.^_`|~-]+", key):
            yield Failure(f"metadata.{key}", f"Metadata must be lowercase only, and a header's name. Offending key: {key!r}")


def _object(token: str, noun: str, read: Any) -> ResourceModel:
    return ResourceModel(
        type=f"aws:s3/{token[0].lower()}{token[1:]}:{token}",
        noun=noun,
        create=_put,
        read=read,
        update=_update,
        delete=_delete,
        name=AutoName("key", 1024, random=False),
        defaults={"forceDestroy": False},
        forces_new=frozenset({"bucket", "key"}),
        computed=frozenset(
            {"contentType", "etag", "kmsKeyId", "serverSideEncryption", "storageClass", "bucketKeyEnabled", "acl", "metadata"}
        ),
        state_only=frozenset(
            {
                *_BODY,
                "acl",
                "bucketKeyEnabled",
                "checksumAlgorithm",
                "forceDestroy",
                "kmsKeyId",
                "objectLockLegalHoldStatus",
                "objectLockMode",
                "objectLockRetainUntilDate",
                "overrideProvider",
                "sourceHash",
                "websiteRedirect",
            }
        ),
        renewed={output: frozenset({*_BODY, "sourceHash", "etag", "metadata", "contentType"}) for output in ("versionId", "etag")},
        equivalent={"source": _same_source},
        rules=(
            conflicting(*_BODY),
            conflicting("etag", "kmsKeyId"),
            choice("serverSideEncryption", "AES256", "aws:kms", "aws:kms:dsse"),
            choice("objectLockMode", "GOVERNANCE", "COMPLIANCE"),
            base64_text("contentBase64"),
            _metadata,
            _at_most_ten_tags(),
        ),
        behaviours=(
            Behaviour(
                "without a key the object is called as in the program; a new key is a new object",
                "pulumi-aws, provider/resources.go; aws_s3_object",
                "test_s3_object.py::test_an_object_is_called_as_in_the_program",
            ),
            Behaviour(
                "a change of content makes etag and version unknown in a preview and new in the cloud",
                "aws_s3_object, CustomizeDiff",
                "test_s3_object.py::test_new_content_is_a_new_version",
            ),
        ),
    )


MODELS = (_object("BucketObjectv2", "S3 Object", _read_v2), _object("BucketObject", "S3 Bucket Object", _read))
