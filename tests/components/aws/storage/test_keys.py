"""`Key`, recorded: who may do what with it, and what it refuses before anything is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.storage.keys import Key, KeyArgs
from mlgate_testkit.lint import assert_clean
from mlgate_testkit.record import Graph, record

from .stores import ANSWERS, GATE, KEY, ROOT, TAGS, key_policy

USING = {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"}


def program(args: dict[str, Any], name: str = "queues") -> Callable[[], None]:
    def key() -> None:
        import pulumi

        from mlgate_components.aws.storage.keys import Key

        pulumi.export("key_arn", Key(name, KeyArgs(**{"description": "messages", "tags": TAGS, **args})).key_arn)

    return key


def recorded(**args: Any) -> Graph:
    return record(program(args), invokes=ANSWERS)


def test_it_rotates_has_an_alias_and_is_kept() -> None:
    graph = recorded()
    key, alias = graph.one("aws:kms/key:Key"), graph.one("aws:kms/alias:Alias")
    assert (key.inputs["enableKeyRotation"], key.inputs["deletionWindowInDays"]) == (True, 30)
    assert alias.needs(key)
    assert all(found.protect and found.retain_on_delete for found in (key, alias))
    assert graph.outputs["key_arn"] == "<arn of Key queues>"
    assert_clean(graph)


def test_the_account_administers_it_and_can_neither_use_it_nor_lend_it() -> None:
    policy = key_policy(recorded(), "queues")
    assert set(policy) == {"Administration"}
    allowed = set(policy["Administration"]["Action"])
    assert policy["Administration"]["Principal"] == {"AWS": ROOT}
    assert "kms:PutKeyPolicy" in allowed
    assert not allowed & {*USING, "kms:CreateGrant", "kms:Sign"}
    assert not any("*" in action for action in allowed)


def test_a_role_that_is_not_known_yet_uses_it_too() -> None:
    def key() -> None:
        import pulumi_aws as aws

        from mlgate_components.aws.storage.keys import Key

        role = aws.iam.Role("gate", assume_role_policy="{}")
        Key("queues", {"description": "messages", "tags": TAGS, "users": [role.arn]})

    assert key_policy(record(key, invokes=ANSWERS), "queues")["Use"]["Principal"] == {"AWS": ["<arn of Role gate>"]}


def test_roles_and_services_that_are_named_use_it_and_nobody_else() -> None:
    policy = key_policy(recorded(users=[GATE], services=["sqs", "ecr"]), "queues")
    assert policy["Use"]["Principal"] == {"AWS": [GATE]}
    assert set(policy["Use"]["Action"]) >= USING
    through = {"kms:ViaService": ["sqs.*.amazonaws.com", "ecr.*.amazonaws.com"]}
    assert policy["UseThroughServices"]["Principal"] == {"AWS": ROOT}
    assert policy["UseThroughServices"]["Condition"] == {"StringLike": through}
    lent = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    assert (policy["UseLent"]["Condition"], policy["UseThroughServicesLent"]["Condition"]) == (lent, {**lent, "StringLike": through})


def test_a_key_that_is_there_already_is_taken_as_it_is() -> None:
    assert Key.existing(KEY).key_arn == KEY


@pytest.mark.parametrize(
    ("args", "path", "said"),
    [
        ({"deletion_days": 6}, "deletion_days", "7 to 30 days"),
        ({"deletion_days": 31}, "deletion_days", "7 to 30 days"),
        ({"description": ""}, "description", "say what lies under the key"),
        ({"users": ["gate"]}, "users[0]", "arn:aws:iam::123456789012:role/trainer"),
        ({"users": ["arn:aws:iam::123456789012:role/größe"]}, "users[0]", "arn:aws:iam::123456789012:role/trainer"),
        ({"users": [GATE, GATE]}, "users[1]", "each once"),
        ({"users": [""]}, "users[0]", "give it, or leave it out"),
        ({"services": ["sqs", "sqs"]}, "services[1]", "each once"),
        ({"services": ["sqs.eu-central-1.amazonaws.com"]}, "services[0]", "the name of a service before its region"),
        ({"services": [""]}, "services[0]", "give it, or leave it out"),
        ({"user": [GATE]}, "user", "did you mean users?"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path_before_anything_is_made(args: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(**args)
    assert [(problem.where, said in problem.expected) for problem in refused.value.problems] == [(path, True)]


@pytest.mark.parametrize("name", ["", "Queues", "queues-", "two--hyphens", "1st", "q" * 243])
def test_a_name_that_its_alias_could_not_have_is_refused(name: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        Key(name, KeyArgs(description="messages", tags=TAGS))
    assert [problem.where for problem in refused.value.problems] == ["name"]


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(description="", deletion_days=1, users=["x"], services=["X"])
    assert {problem.where for problem in refused.value.problems} == {"description", "deletion_days", "users[0]", "services[0]"}
