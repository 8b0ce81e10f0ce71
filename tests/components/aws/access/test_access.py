"""`Access`, recorded: which roles there are, who takes them, and that who opens traffic never signs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlgate_components.arguments import ArgumentsError
from mlgate_testkit.record import Graph, record

TAGS = {"environment": "prod", "owner": "platform"}
ACCOUNT = "arn:aws:iam::123456789012"
PIPELINE = {"host": "github", "repository": "acme/digits", "environment": "prod"}
WHO: dict[str, Any] = {
    "ci": {"pipelines": [PIPELINE]},
    "deployer": {"principals": [f"{ACCOUNT}:role/ml-engineers"]},
    "gate": {"pipelines": [{**PIPELINE, "environment": "prod-gate"}]},
    "promoter": {"principals": [f"{ACCOUNT}:role/releasers"]},
    "auditor": {"principals": [f"{ACCOUNT}:role/auditors"]},
    "break_glass": {"principals": [f"{ACCOUNT}:user/ada"]},
}


def recorded(who: dict[str, Any] | None = None, name: str = "access", **args: Any) -> Graph:
    def program() -> None:
        import pulumi

        from mlgate_components.aws.access.access import Access

        pulumi.export("roles", Access(name, {"who": WHO if who is None else who, "tags": TAGS, **args}).roles)

    return record(program)


def trust(graph: Graph, duty: str) -> list[dict[str, Any]]:
    return json.loads(graph.one("aws:iam/role:Role", f"access-{duty}").inputs["assumeRolePolicy"])["Statement"]


def test_each_duty_has_a_role_of_its_own_and_one_that_nobody_may_take_is_not_made() -> None:
    assert set(recorded().outputs["roles"]) == {"ci", "deployer", "gate", "promoter", "auditor", "break_glass"}
    graph = recorded({"gate": WHO["gate"]})
    assert graph.outputs["roles"] == graph.one("mlgate:index:Access").outputs["roles"] == {"gate": "<arn of Role access-gate>"}


def test_a_pipeline_is_one_repository_in_one_of_its_environments_and_its_token_is_meant_for_aws() -> None:
    graph = recorded()
    (trusted,) = trust(graph, "gate")
    assert trusted == {
        "Effect": "Allow",
        "Principal": {"Federated": "<arn of OpenIdConnectProvider access-github>"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": "repo:acme/digits:environment:prod-gate",
            }
        },
    }
    provider = graph.one("aws:iam/openIdConnectProvider:OpenIdConnectProvider").inputs
    assert (provider["url"], provider["clientIdLists"]) == ("https://token.actions.githubusercontent.com", ["sts.amazonaws.com"])


@pytest.mark.parametrize(
    ("pipeline", "key", "subject"),
    [
        (
            {"host": "github", "repository": "acme@1/digits@2", "environment": "prod"},
            "token.actions.githubusercontent.com:sub",
            "repo:acme@1/digits@2:environment:prod",
        ),
        (
            {"host": "gitlab", "repository": "acme/ml/digits", "environment": "production"},
            "gitlab.com:sub",
            "project_path:acme/ml/digits:environment_protected:true:deployment_tier:production",
        ),
    ],
)
def test_a_pipeline_is_known_by_the_subject_that_its_host_writes(pipeline: dict[str, str], key: str, subject: str) -> None:
    (trusted,) = trust(recorded({"ci": {"pipelines": [pipeline]}}), "ci")
    assert trusted["Condition"]["StringEquals"][key] == subject


def test_an_identity_provider_that_the_account_has_already_is_used_and_no_second_one_made() -> None:
    theirs = f"{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
    graph = recorded(oidc_provider_arns={"github": theirs})
    assert not graph.all("aws:iam/openIdConnectProvider:OpenIdConnectProvider")
    assert trust(graph, "ci")[0]["Principal"] == {"Federated": theirs}


def test_people_take_their_role_by_name_and_break_glass_only_after_a_second_factor() -> None:
    graph = recorded()
    assert trust(graph, "promoter") == [
        {"Effect": "Allow", "Principal": {"AWS": [f"{ACCOUNT}:role/releasers"]}, "Action": "sts:AssumeRole"}
    ]
    (emergency,) = trust(graph, "break-glass")
    assert emergency["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def test_a_session_lasts_an_hour_unless_said() -> None:
    graph = recorded({**WHO, "deployer": {**WHO["deployer"], "session_s": 14_400}})
    lasts = {role.name.removeprefix("access-"): role.inputs["maxSessionDuration"] for role in graph.all("aws:iam/role:Role")}
    assert lasts == {"ci": 3600, "deployer": 14_400, "gate": 3600, "promoter": 3600, "auditor": 3600, "break-glass": 3600}


def test_the_roles_that_open_traffic_can_not_sign_whatever_is_added_to_them() -> None:
    denied = {policy.name: json.loads(policy.inputs["policy"])["Statement"] for policy in recorded().all("aws:iam/rolePolicy:RolePolicy")}
    nothing = [{"Effect": "Deny", "Action": "kms:Sign", "Resource": "*"}]
    assert denied == {f"access-{duty}-signs-nothing": nothing for duty in ("deployer", "promoter", "break-glass")}


def test_every_role_says_its_duty_and_has_all_tags_and_the_boundary() -> None:
    boundary = f"{ACCOUNT}:policy/ml-boundary"
    for role in recorded(boundary_arn=boundary).all("aws:iam/role:Role"):
        assert role.inputs["tags"]["duty"] == role.name.removeprefix("access-")
        assert {"environment": "prod", "owner": "platform", "managed-by": "mlgate"}.items() <= role.inputs["tags"].items()
        assert role.inputs["permissionsBoundary"] == boundary


@pytest.mark.parametrize("opening", ["deployer", "promoter", "break_glass"])
def test_who_takes_the_gates_role_takes_none_that_opens_traffic(opening: str) -> None:
    both = {"principals": [f"{ACCOUNT}:user/ada"]}
    with pytest.raises(ArgumentsError) as refused:
        recorded({"gate": both, opening: both})
    (problem,) = refused.value.problems
    assert (problem.where, problem.found) == (f"who.{opening}", f"has {ACCOUNT}:user/ada, which who.gate has too")


def test_nor_does_a_pipeline_do_both_in_one_environment() -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded({"gate": {"pipelines": [PIPELINE]}, "promoter": {"pipelines": [dict(PIPELINE)]}})
    assert [problem.where for problem in refused.value.problems] == ["who.promoter"]
    recorded({"gate": WHO["gate"], "promoter": {"pipelines": [PIPELINE]}})


@pytest.mark.parametrize(
    ("who", "path", "said"),
    [
        ({}, "who", "one of the roles ci, deployer"),
        ({"gates": WHO["gate"]}, "who.gates", "did you mean gate?"),
        ({"auditor": {}}, "who.auditor", "leave the role out"),
        ({"auditor": {"principals": [f"{ACCOUNT}:root"]}}, "who.auditor.principals[0]", "one role or user"),
        ({"auditor": {"principals": [f"{ACCOUNT}:role/*"]}}, "who.auditor.principals[0]", "one role or user"),
        ({"auditor": {"principals": ["*"]}}, "who.auditor.principals[0]", "one role or user"),
        ({"auditor": {"principals": [f"{ACCOUNT}:user/ada"] * 2}}, "who.auditor.principals[1]", "each once"),
        ({"auditor": {**WHO["auditor"], "session_s": 1800}}, "who.auditor.session_s", "3600 to 43200 seconds"),
        ({"ci": {"pipelines": [{**PIPELINE, "repository": "acme/*"}]}}, "who.ci.pipelines[0].repository", "one repository"),
        ({"ci": {"pipelines": [{**PIPELINE, "repository": "digits"}]}}, "who.ci.pipelines[0].repository", "one repository"),
        ({"ci": {"pipelines": [{**PIPELINE, "environment": "*"}]}}, "who.ci.pipelines[0].environment", "one environment"),
        ({"ci": {"pipelines": [{**PIPELINE, "host": "gitlab"}]}}, "who.ci.pipelines[0].environment", "a deployment tier of GitLab"),
        ({"ci": {"pipelines": [{**PIPELINE, "host": "jenkins"}]}}, "who.ci.pipelines[0].host", "one of github, gitlab"),
        ({"break_glass": {"pipelines": [PIPELINE]}}, "who.break_glass.pipelines", "no second factor"),
        ({"break_glass": WHO["promoter"]}, "who.break_glass.principals[0]", "the session of a role has no second factor"),
    ],
)
def test_what_would_let_in_who_is_not_named_is_refused_by_its_path(who: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(who)
    assert [(problem.where, said in problem.expected) for problem in refused.value.problems] == [(path, True)]


def test_a_host_that_nobody_knows_and_a_boundary_that_is_none_are_told_at_once() -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(oidc_provider_arns={"jenkins": "x"}, boundary_arn="x")
    assert {problem.where for problem in refused.value.problems} == {"oidc_provider_arns.jenkins", "boundary_arn"}


def test_a_name_leaves_room_for_the_longest_duty_and_what_pulumi_adds() -> None:
    recorded(name="a" * 44)
    with pytest.raises(ArgumentsError, match="44 at most"):
        recorded(name="a" * 45)
