"""A small platform, recorded as AWS would make it: its roles, its resources, and the policies of both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mlgate_testkit.record import Graph, record
from tests.components.aws.iam.arns import ACCOUNT, HERE, REGION, arns
from tests.components.aws.storage.stores import ANSWERS

CLUSTER = f"arn:aws:eks:{HERE}:cluster/ml"
STATE = f"arn:aws:kms:{HERE}:key/state"
TAGS = {"environment": "dev", "owner": "platform"}
PIPELINE = {"host": "github", "repository": "acme/digits", "environment": "dev"}


def role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def session(name: str, account: str = ACCOUNT) -> str:
    """Who has taken that role."""
    return f"arn:aws:sts::{account}:assumed-role/{name}/session"


def policy(principal: Any, *actions: str) -> dict[str, Any]:
    """A resource's, that allows it these."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": list(actions), "Resource": "*"}],
    }


OF_THE_ACCOUNT = policy({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "kms:*")
"""The policy of a key that none was given (KMS developer guide, "Default key policy")."""


FOREIGN: dict[str, dict[str, Any] | None] = {
    **{f"arn:aws:s3:::foreign/{service}/model.pt": None for service in ("toy", "digits")},
    f"arn:aws:kms:{HERE}:key/foreign": OF_THE_ACCOUNT,
    role("foreign"): policy({"AWS": role("somebody")}, "sts:AssumeRole"),
}
"""What belongs to others of the account, who leave it open to whoever the account lets in; `judge` knows one of every other kind."""


WHO: dict[str, Any] = {
    "ci": {"pipelines": [PIPELINE]},
    "gate": {"pipelines": [{**PIPELINE, "environment": "dev-gate"}]},
    "deployer": {"principals": [role("engineers")]},
    "promoter": {"principals": [role("releasers")]},
    "auditor": {"principals": [role("auditors")]},
    "break_glass": {"principals": [f"arn:aws:iam::{ACCOUNT}:user/ada"]},
}


def program() -> None:
    from mlgate_components.aws.access.access import Access
    from mlgate_components.aws.access.duties import duties
    from mlgate_components.aws.access.identity import ServiceIdentity
    from mlgate_components.aws.access.permissions import Permissions, reads, reads_secret, writes
    from mlgate_components.aws.storage.audit_trail import AuditTrail
    from mlgate_components.aws.storage.evidence_storage import EvidenceStorage
    from mlgate_components.aws.storage.keys import Key
    from mlgate_components.aws.storage.model_storage import ModelStorage
    from mlgate_components.aws.storage.repository import ImageRepository
    from mlgate_components.aws.storage.secrets import Secret

    cluster = {"cluster_name": "ml", "cluster_arn": CLUSTER}
    roles = Access("access", {"who": WHO, "tags": TAGS}).roles
    models = ModelStorage("models", {"tags": TAGS})
    lock = {"mode": "GOVERNANCE", "days": 30}
    evidence = EvidenceStorage("evidence", {"tags": TAGS, "lock": lock, "gate_role_arn": roles["gate"]})
    trail = AuditTrail("audit", {"tags": TAGS, "bucket_arns": [models.bucket_arn, evidence.bucket_arn], "lock": lock})
    toy = ServiceIdentity(
        "toy",
        {
            "cluster": cluster,
            "namespace": "vision",
            "service_account": "toy",
            "tags": TAGS,
            "flows": [reads(models, "toy/"), writes(models, "toy/answers/")],
        },
    )
    other = ServiceIdentity(
        "other", {"cluster": cluster, "namespace": "text", "service_account": "other", "tags": TAGS, "flows": [reads(models, "other/")]}
    )
    images = ImageRepository(
        "images",
        {
            "key_arn": Key("images", {"description": "images", "services": ["ecr"], "tags": TAGS}).key_arn,
            "pushers": [roles["ci"]],
            "pullers": [roles["gate"]],
            "tags": TAGS,
        },
    )
    secrets = Key("secrets", {"description": "secrets", "services": ["secretsmanager"], "tags": TAGS})
    token, theirs = (
        Secret(name, {"description": name, "key_arn": secrets.key_arn, "readers": [reader.role_arn], "tags": TAGS})
        for name, reader in (("token", toy), ("theirs", other))
    )
    Permissions("toy-token", {"role_arn": toy.role_arn, "flows": [reads_secret(token)]})
    Permissions("other-theirs", {"role_arn": other.role_arn, "flows": [reads_secret(theirs)]})
    state = ModelStorage.existing("state", "arn:aws:s3:::state", STATE)
    everything = duties(
        models=models,
        evidence=evidence,
        cluster=Known(CLUSTER),
        state=state,
        repositories=[images],
        secrets=[token, theirs],
        trail=trail,
    )
    for duty, flows in everything.items():
        Permissions(f"access-{duty.replace('_', '-')}", {"role_arn": roles[duty], "flows": flows})


@dataclass(frozen=True)
class Known:
    """A cluster by its ARN alone."""

    cluster_arn: str


def _named(arn: str, **more: str) -> Callable[[Mapping[str, Any]], dict[str, str]]:
    """What AWS answers for a resource: it is called as its tag says."""

    def answer(inputs: Mapping[str, Any]) -> dict[str, str]:
        name = inputs["tags"]["Name"]
        return {"arn": arn.format(name), **{key: value.format(name) for key, value in more.items()}}

    return answer


ANSWERED: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
    "aws:cloudwatch/logGroup:LogGroup": _named(f"arn:aws:logs:{HERE}:log-group:{{}}"),
    "aws:ecr/repository:Repository": _named(f"arn:aws:ecr:{HERE}:repository/{{}}", name="{}"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _named(
        f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
    ),
    "aws:iam/role:Role": _named(f"arn:aws:iam::{ACCOUNT}:role/{{}}", name="{}", id="{}"),
    "aws:kms/key:Key": _named(f"arn:aws:kms:{HERE}:key/{{}}", keyId="{}"),
    "aws:s3/bucket:Bucket": _named("arn:aws:s3:::{}", bucket="{}", id="{}"),
    "aws:secretsmanager/secret:Secret": _named(f"arn:aws:secretsmanager:{HERE}:secret:{{}}-AbCdEf"),
    "aws:sqs/queue:Queue": _named(f"arn:aws:sqs:{HERE}:{{}}", url=f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{{}}"),
}


@cache
def recorded() -> Graph:
    return record(program, resources=ANSWERED, invokes=ANSWERS)


def policies_of(graph: Graph, name: str) -> tuple[dict[str, Any], ...]:
    """The role's own policies."""
    return tuple(json.loads(each.inputs["policy"]) for each in graph.all("aws:iam/rolePolicy:RolePolicy") if each.inputs["role"] == name)


def attached_to(graph: Graph) -> set[str]:
    """The roles that have policies besides, of which only the names are known here."""
    attachments = [each.inputs["role"] for each in graph.all("aws:iam/rolePolicyAttachment:RolePolicyAttachment")]
    elsewhere = {"managedPolicyArns", "inlinePolicies"}
    return {*attachments, *(each.outputs["name"] for each in graph.all("aws:iam/role:Role") if elsewhere & each.inputs.keys())}


def services_named(policies: Iterable[Mapping[str, Any]]) -> set[str]:
    """The services whose actions these policies allow."""
    allowed = [statement["Action"] for policy in policies for statement in policy["Statement"] if statement["Effect"] == "Allow"]
    return {action.split(":")[0] for each in allowed for action in ([each] if isinstance(each, str) else each)}


def resource_policies(graph: Graph) -> dict[str, dict[str, Any] | None]:
    """Each resource that was made, by its ARN, and its own policy, if it has one; of roles, who may take them."""
    made: dict[str, dict[str, Any] | None] = dict.fromkeys(arns(graph))
    for token, key in (
        ("aws:iam/role:Role", "assumeRolePolicy"),
        ("aws:kms/key:Key", "policy"),
        ("aws:secretsmanager/secret:Secret", "policy"),
    ):
        made |= {each.outputs["arn"]: json.loads(each.inputs[key]) for each in graph.all(token)}
    repositories = {each.inputs["repository"]: each.inputs["policy"] for each in graph.all("aws:ecr/repositoryPolicy:RepositoryPolicy")}
    made |= {each.outputs["arn"]: json.loads(repositories[each.outputs["name"]]) for each in graph.all("aws:ecr/repository:Repository")}
    buckets = {each.inputs["bucket"]: each.inputs["policy"] for each in graph.all("aws:s3/bucketPolicy:BucketPolicy")}
    made |= {each.outputs["arn"]: json.loads(buckets[each.outputs["bucket"]]) for each in graph.all("aws:s3/bucket:Bucket")}
    queues = {each.inputs["queueUrl"]: each.inputs["policy"] for each in graph.all("aws:sqs/queuePolicy:QueuePolicy")}
    made |= {each.outputs["arn"]: json.loads(queues[each.outputs["url"]]) for each in graph.all("aws:sqs/queue:Queue")}
    return made
