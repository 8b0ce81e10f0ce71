"""`Secret`, recorded: a container without its value, read by who is named alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlgate_components.arguments import ArgumentsError
from mlgate_testkit.record import Graph, record

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd"
READER = "arn:aws:iam::123456789012:role/digits"
USUAL: dict[str, Any] = {
    "description": "opens the feature store",
    "key_arn": KEY,
    "readers": [READER],
    "tags": {"environment": "dev", "owner": "vision"},
}


def recorded(name: str = "token", **args: Any) -> Graph:
    def program() -> None:
        import pulumi

        from mlgate_components.aws.storage.secrets import Secret

        made = Secret(name, {**USUAL, **args})
        pulumi.export("secret_arn", made.secret_arn)
        pulumi.export("key_arn", made.key_arn)

    return record(program)


def policy(graph: Graph) -> dict[str, Any]:
    (statement,) = json.loads(graph.one("aws:secretsmanager/secret:Secret").inputs["policy"])["Statement"]
    return statement


def test_the_container_has_key_and_recovery_window_and_stays_when_the_stack_goes() -> None:
    graph = recorded(recovery_days=7)
    secret = graph.one("aws:secretsmanager/secret:Secret")
    assert (secret.inputs["kmsKeyId"], secret.inputs["recoveryWindowInDays"], secret.inputs["description"]) == (
        KEY,
        7,
        "opens the feature store",
    )
    assert secret.protect
    assert secret.retain_on_delete
    assert secret.inputs["tags"]["owner"] == "vision"
    assert graph.outputs == graph.one("mlgate:index:Secret").outputs == {"secret_arn": "<arn of Secret token>", "key_arn": KEY}


def test_its_value_is_nowhere_in_what_the_program_asks_for() -> None:
    assert {found.type for found in recorded().resources} == {"mlgate:index:Secret", "aws:secretsmanager/secret:Secret"}


def test_everybody_but_its_readers_is_denied_reading_and_nothing_else() -> None:
    assert policy(recorded()) == {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": [READER]}},
    }


def test_without_readers_nobody_reads_it() -> None:
    assert "Condition" not in policy(recorded(readers=[]))


@pytest.mark.parametrize(
    ("args", "path", "said"),
    [
        ({"value": "hunter2"}, "value", "there are description, key_arn"),
        ({"readers": None}, "readers", "give it"),
        ({"recovery_days": 0}, "recovery_days", "7 to 30 days"),
        ({"readers": ["digits"]}, "readers[0]", "an ARN such as arn:aws:iam"),
        ({"key_arn": "alias/aws/secretsmanager"}, "key_arn", "an ARN such as arn:aws:kms"),
        ({"description": ""}, "description", "say what the secret is for"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path_before_anything_is_made(args: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(**args)
    assert [(problem.where, said in problem.expected) for problem in refused.value.problems] == [(path, True)]
    assert "hunter2" not in str(refused.value)


def test_a_name_leaves_room_for_what_pulumi_adds() -> None:
    recorded(name="a" * 504)
    with pytest.raises(ArgumentsError, match="504 at most"):
        recorded(name="a" * 505)
