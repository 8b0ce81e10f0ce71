"""Usual arguments and other values for each: network, keys, stores, access, images, secrets and budget."""

from __future__ import annotations

from typing import Any

from ..storage.stores import ANSWERS, GATE, KEY, LOCK, REPLICA
from .changing import Case, within
from .values import CLUSTER_ARN, OTHER_KEY, OTHER_TAGS, ROLE, TAGS, ZONES

_BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
_FLOWS = [{"verb": "reads", "resource": {"bucket_arn": "arn:aws:s3:::models", "key_arn": KEY}}]
_OTHER_REPLICA = {"bucket_arn": "arn:aws:s3:::other-copy", "key_arn": OTHER_KEY}


def _pipelines(environment: str) -> list[dict[str, str]]:
    return [{"host": "github", "repository": "acme/ml", "environment": environment}]


def _takers(duty: str) -> dict[str, Any]:
    """Others, or other sessions, for a role."""
    return {"principals": [f"{ROLE}other-{duty}"], "pipelines": _pipelines(f"other-{duty}"), "session_s": 7200}


CASES = (
    Case(
        "Network",
        {"cidr": "10.0.0.0/16", "zones": ZONES, "tags": TAGS},
        {
            "cidr": "10.1.0.0/16",
            "zones": [*ZONES, "eu-central-1d"],
            "tags": OTHER_TAGS,
            "nat": "single",
            "flow_log_days": 30,
            "cluster": "ml",
        },
    ),
    Case(
        "Key",
        {"description": "queues", "tags": TAGS},
        {"description": "queues of the shop", "tags": OTHER_TAGS, "users": [f"{ROLE}app"], "services": ["sqs"], "deletion_days": 7},
        ANSWERS,
    ),
    Case(
        "ModelStorage",
        {"tags": TAGS},
        {
            "tags": OTHER_TAGS,
            **within("lock", LOCK, mode="GOVERNANCE", days=500),
            "noncurrent_days": 30,
            "log_days": 30,
            **within("replica", REPLICA, **_OTHER_REPLICA),
            "deletion_days": 7,
        },
        ANSWERS,
    ),
    Case(
        "EvidenceStorage",
        {"tags": TAGS, "lock": LOCK, "gate_role_arn": GATE},
        {
            "tags": OTHER_TAGS,
            "lock.mode": "GOVERNANCE",
            "lock.days": 500,
            "gate_role_arn": f"{ROLE}other-gate",
            "log_days": 30,
            **within("replica", REPLICA, **_OTHER_REPLICA),
            "deletion_days": 7,
        },
        ANSWERS,
    ),
    Case(
        "AuditTrail",
        {"tags": TAGS, "bucket_arns": ["arn:aws:s3:::models"], "lock": LOCK},
        {
            "tags": OTHER_TAGS,
            "bucket_arns": ["arn:aws:s3:::models", "arn:aws:s3:::evidence"],
            "lock.mode": "GOVERNANCE",
            "lock.days": 500,
            "log_days": 30,
            "deletion_days": 7,
        },
        ANSWERS,
    ),
    Case(
        "Access",
        {
            "who": {
                "ci": {"pipelines": _pipelines("dev")},
                "deployer": {"principals": [f"{ROLE}platform"]},
                "gate": {"principals": [f"{ROLE}gates"]},
            },
            "tags": TAGS,
        },
        {
            **{f"who.{duty}.{key}": value for duty in ("ci", "deployer", "gate") for key, value in _takers(duty).items()},
            **within("who.promoter", {"principals": [f"{ROLE}releasers"]}, **_takers("promoter")),
            **within("who.auditor", {"principals": [f"{ROLE}auditors"]}, **_takers("auditor")),
            **within(
                "who.break_glass",
                {"principals": ["arn:aws:iam::123456789012:user/on-call"]},
                **{**_takers("break_glass"), "principals": ["arn:aws:iam::123456789012:user/other"]},
            ),
            "tags": OTHER_TAGS,
            "oidc_provider_arns": {"github": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"},
            "boundary_arn": _BOUNDARY,
        },
    ),
    Case(
        "Permissions",
        {"role_arn": f"{ROLE}digits", "flows": [{"verb": "signs", "resource": {"signing_key_arn": KEY}}]},
        {"role_arn": f"{ROLE}other", "flows": _FLOWS},
    ),
    Case(
        "ServiceIdentity",
        {
            "cluster": {"cluster_name": "ml", "cluster_arn": f"{CLUSTER_ARN}ml"},
            "namespace": "vision",
            "service_account": "digits",
            "tags": TAGS,
        },
        {
            "cluster.cluster_name": "other",
            "cluster.cluster_arn": f"{CLUSTER_ARN}other",
            "namespace": "other",
            "service_account": "other",
            "tags": OTHER_TAGS,
            "flows": _FLOWS,
            "boundary_arn": _BOUNDARY,
        },
    ),
    Case(
        "ImageRepository",
        {"key_arn": KEY, "tags": TAGS, "pushers": [f"{ROLE}ci"], "pullers": [f"{ROLE}nodes"]},
        {
            "key_arn": OTHER_KEY,
            "tags": OTHER_TAGS,
            "pushers": [f"{ROLE}ci", f"{ROLE}other-ci"],
            "pullers": [f"{ROLE}other-nodes"],
            "untagged_days": 7,
            "kept_images": 20,
        },
    ),
    Case(
        "Secret",
        {"description": "opens the feature store", "key_arn": KEY, "readers": [f"{ROLE}digits"], "tags": TAGS},
        {
            "description": "opens the other store",
            "key_arn": OTHER_KEY,
            "readers": [f"{ROLE}digits", f"{ROLE}other"],
            "tags": OTHER_TAGS,
            "recovery_days": 7,
        },
    ),
    Case(
        "Budget",
        {"monthly_limit": 30000.0, "tags": TAGS, "emails": ["ml@example.com"]},
        {
            "monthly_limit": 20000.0,
            "currency": "EUR",
            "tags": OTHER_TAGS,
            "alerts": [{"percent": 50}],
            "emails": ["other@example.com"],
            "topic_arn": "arn:aws:sns:eu-central-1:123456789012:budgets",
        },
    ),
)
