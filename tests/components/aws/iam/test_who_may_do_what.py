"""Every action of the services used, by every identity, on every resource of a platform and on foreign ones: as declared, and nothing else.

There is a foreign one of every kind that those services have, so that no action is for nothing that is asked about. Judged by
iam-simulate, with the identities' own policies, those of the resources, and who may take a role. Conditions are taken as met, which allows
the most that could ever be; who asks is known.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from mlgate_components.aws.access.flows import TABLE, At, Verb
from tests.components.aws.iam.declared import Thing, declared, duties
from tests.components.aws.iam.evaluator import Identity, Judged, judge
from tests.components.aws.iam.platform import (
    ACCOUNT,
    CLUSTER,
    FOREIGN,
    HERE,
    OF_THE_ACCOUNT,
    STATE,
    attached_to,
    policies_of,
    policy,
    recorded,
    resource_policies,
    role,
    services_named,
    session,
)

pytestmark = pytest.mark.iam
SERVICES = ("cloudtrail", "ecr", "eks", "iam", "kms", "s3", "secretsmanager", "sqs", "sts")
ELSEWHERE = "210987654321"
IDENTITIES = {
    "ci": "access-ci",
    "gate": "access-gate",
    "deployer": "access-deployer",
    "promoter": "access-promoter",
    "auditor": "access-auditor",
    "break_glass": "access-break-glass",
    "toy": "toy",
    "other": "other",
}
KEYS = {name: f"arn:aws:kms:{HERE}:key/{name}" for name in ("models", "evidence", "evidence-signing", "audit", "images", "secrets")}
IN_THE_CLUSTER = (
    f"arn:aws:eks:{HERE}:nodegroup/ml/system/1",
    f"arn:aws:eks:{HERE}:addon/ml/coredns/1",
    f"arn:aws:eks:{HERE}:access-entry/ml/role/{ACCOUNT}/access-deployer/1",
)
IMAGES = f"arn:aws:ecr:{HERE}:repository/images"
SECRETS = {name: f"arn:aws:secretsmanager:{HERE}:secret:{name}-AbCdEf" for name in ("token", "theirs")}
BUCKETS = {
    "models": Thing(
        "arn:aws:s3:::models", KEYS["models"], objects=("toy/model.pt", "toy/answers/a.json", "other/model.pt", "toy-old/model.pt")
    ),
    "evidence": Thing("arn:aws:s3:::evidence", KEYS["evidence"], KEYS["evidence-signing"], ("digits/statement.json",)),
    "audit": Thing("arn:aws:s3:::audit", KEYS["audit"], objects=("AWSLogs/a.json.gz",)),
    "models-logs": Thing("arn:aws:s3:::models-logs", objects=("2026-11-27",)),
    "evidence-logs": Thing("arn:aws:s3:::evidence-logs", objects=("2026-11-27",)),
    "audit-logs": Thing("arn:aws:s3:::audit-logs", objects=("2026-11-27",)),
    "state": Thing("arn:aws:s3:::state", STATE, objects=(".pulumi/stacks/dev.json", ".pulumi/locks/dev/1.json")),
}
THINGS = {
    **BUCKETS,
    "images": Thing(IMAGES),
    "ml": Thing(CLUSTER),
    **{name: Thing(arn, KEYS["secrets"]) for name, arn in SECRETS.items()},
}
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
DECLARED = {
    **duties(["images"], SECRETS),
    "toy": {(Verb.READS, "models", "toy/"), (Verb.WRITES, "models", "toy/answers/"), (Verb.READS_SECRET, "token", "")},
    "other": {(Verb.READS, "models", "other/"), (Verb.READS_SECRET, "theirs", "")},
}


@cache
def resources() -> dict[str, dict[str, Any] | None]:
    """What was made, what was there before, and what belongs to others."""
    made = resource_policies(recorded())
    return {
        "*": None,
        **made,
        **{bucket.arn: made.get(bucket.arn) for bucket in BUCKETS.values()},
        **{f"{bucket.arn}/{name}": made.get(bucket.arn) for bucket in BUCKETS.values() for name in bucket.objects},
        STATE: OF_THE_ACCOUNT,
        **dict.fromkeys((CLUSTER, *IN_THE_CLUSTER)),
        **FOREIGN,
    }


@cache
def judged() -> Judged:
    graph = recorded()
    asking = {
        name: Identity(session(called), policies_of(graph, called), {"aws:PrincipalArn": role(called)})
        for name, called in IDENTITIES.items()
    }
    asking["stranger"] = Identity(session("stranger"), (), {"aws:PrincipalArn": role("stranger")})
    return judge(SERVICES, asking, resources(), of_each_kind=True)


def test_what_is_judged_is_all_that_its_identities_have() -> None:
    called = set(IDENTITIES.values())
    assert services_named(policy for name in called for policy in policies_of(recorded(), name)) <= set(SERVICES)
    assert not attached_to(recorded()) & called


def test_nothing_is_allowed_that_no_flow_declares_and_nothing_declared_is_denied() -> None:
    found, wanted = judged().allowed, declared(DECLARED, THINGS)
    assert sorted(found - wanted) == [], "allowed, and by no flow"
    assert sorted(wanted - found) == [], "declared, and denied"
    assert judged().asked > 100_000
    assert judged().simulated > len(wanted)
    assert set(judged().impossible.values()) <= {"no.resource.types"}, "an action that is for another kind of resource"


def test_every_action_is_asked_about_a_resource_that_it_could_be_allowed_on() -> None:
    administrator = {"administrator": Identity(session("administrator"), (EVERYTHING,))}
    services = tuple(service for service in SERVICES if service != "sts")  # of roles, who may take them is asked below
    found = judge(services, administrator, {"*": None, **FOREIGN}, of_each_kind=True)
    assert {action.partition(":")[0] for action in found.about} == {*services}
    assert {action for _, action, _ in found.allowed} == {*found.about}


def test_a_policy_that_is_wider_or_narrower_than_the_flows_is_seen() -> None:
    read, secret = policies_of(recorded(), "toy")
    model = {"arn:aws:s3:::models/toy/model.pt": resources()["arn:aws:s3:::models"]}
    wider = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::models/*"}]}
    asking = {"wider": Identity(session("toy"), (read, wider)), "narrower": Identity(session("toy"), (secret,))}
    found = judge(("s3",), asking, model).allowed
    assert {action for identity, action, _ in found if identity == "wider"} > {"s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAcl"}
    assert not [identity for identity, _, _ in found if identity == "narrower"]


def test_what_guards_itself_is_closed_even_to_who_may_do_everything_in_the_account() -> None:
    """Images, secrets and the use of keys: an administrator can open them, but that is a change, seen as one."""
    known = {"aws:PrincipalArn": role("administrator"), "aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
    places = {place: own for place, own in resources().items() if place in {*KEYS.values(), *SECRETS.values(), IMAGES}}
    administrator = Identity(session("administrator"), (EVERYTHING,), known, strict=True)
    allowed = {action for _, action, _ in judge(("ecr", "kms", "secretsmanager"), {"administrator": administrator}, places).allowed}
    closed = {action for verb in (Verb.PUSHES, Verb.PULLS) for act in TABLE[verb] if act.at is At.REPOSITORY for action in act.actions}
    assert not allowed & (closed | {"secretsmanager:GetSecretValue"})
    assert not allowed & {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:Sign", "kms:CreateGrant"}
    assert {"ecr:SetRepositoryPolicy", "secretsmanager:PutResourcePolicy", "kms:PutKeyPolicy"} <= allowed, "nobody is locked out for good"


def test_a_stranger_of_another_account_may_do_nothing_whatever_its_own_account_allows() -> None:
    stranger = Identity(session("admin", ELSEWHERE), (EVERYTHING,), {"aws:PrincipalArn": f"arn:aws:iam::{ELSEWHERE}:role/admin"})
    ours = {place: own for place, own in resources().items() if place != "*"}
    assert judge(("ecr", "eks", "kms", "s3", "secretsmanager"), {"stranger": stranger}, ours).allowed == set()


@pytest.mark.parametrize("duty", ["deployer", "promoter", "break_glass"])
def test_what_opens_traffic_does_not_sign_even_if_key_and_role_come_to_allow_it(duty: str) -> None:
    signing = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Sign", "Resource": "*"}]}
    opened = {KEYS["evidence-signing"]: policy({"AWS": role(IDENTITIES[duty])}, "kms:Sign")}
    asking = {duty: Identity(session(IDENTITIES[duty]), (*policies_of(recorded(), IDENTITIES[duty]), signing))}
    assert not judge(("kms",), asking, opened).allowed


def test_who_takes_a_role_is_who_is_named_and_nobody_else() -> None:
    host = "token.actions.githubusercontent.com"
    pods = {
        "aws:RequestTag/eks-cluster-arn": CLUSTER,
        "aws:RequestTag/kubernetes-namespace": "vision",
        "aws:RequestTag/kubernetes-service-account": "toy",
    }
    asking = {
        "pods of toy": Identity("pods.eks.amazonaws.com", (), pods, strict=True),
        "pods of another cluster": Identity(
            "pods.eks.amazonaws.com", (), {**pods, "aws:RequestTag/eks-cluster-arn": f"{CLUSTER}2"}, strict=True
        ),
        "engineers": Identity(session("engineers"), strict=True),
        "ada": Identity(f"arn:aws:iam::{ACCOUNT}:user/ada", strict=True),
        "ada with a second factor": Identity(
            f"arn:aws:iam::{ACCOUNT}:user/ada", context={"aws:MultiFactorAuthPresent": "true"}, strict=True
        ),
        # Which repository and environment it is, is not among what iam-simulate knows of a token: test_access.py has it.
        "a pipeline": Identity(f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"),
        **{f"who has {duty}": Identity(session(called), policies_of(recorded(), called)) for duty, called in IDENTITIES.items()},
    }
    roles = {place: own for place, own in resources().items() if ":role/" in place}
    assert {(identity, action, place.rsplit("/", 1)[1]) for identity, action, place in judge(("sts",), asking, roles).allowed} == {
        ("pods of toy", "sts:AssumeRole", "toy"),
        ("pods of toy", "sts:TagSession", "toy"),
        ("engineers", "sts:AssumeRole", "access-deployer"),
        ("ada with a second factor", "sts:AssumeRole", "access-break-glass"),
        ("a pipeline", "sts:AssumeRoleWithWebIdentity", "access-ci"),
        ("a pipeline", "sts:AssumeRoleWithWebIdentity", "access-gate"),
    }


KINDS = {
    At.OBJECTS: "object",
    At.LISTING: "bucket",
    At.BUCKET: "bucket",
    At.KEY: "key",
    At.KEY_ITSELF: "key",
    At.SIGNING_KEY: "key",
    At.REPOSITORY: "repository",
    At.SECRET: "Secret",
    At.CLUSTER: "cluster",
}


@pytest.mark.parametrize("verb", Verb)
def test_every_action_of_a_verb_is_one_of_awss_and_for_the_kind_of_resource_that_it_is_allowed_on(verb: Verb) -> None:
    for act in TABLE[verb]:
        for action in act.actions:
            assert judged().about[action] == [] if act.at is At.ACCOUNT else KINDS[act.at] in judged().about[action], action
