"""`ImageRepository`, recorded: tags that never move, and nobody in but who is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws import ImageRepository
from mlgate_testkit.record import Graph, record

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd"
CI, NODES = "arn:aws:iam::123456789012:role/ci", "arn:aws:iam::123456789012:role/nodes"
USUAL: dict[str, Any] = {"key_arn": KEY, "tags": {"environment": "dev", "owner": "vision"}, "pushers": [CI], "pullers": [NODES]}


def recorded(name: str = "digits", **args: Any) -> Graph:
    def program() -> None:
        import pulumi

        from mlgate_components.aws.storage.repository import ImageRepository

        made = ImageRepository(name, {**USUAL, **args})
        for output in ("repository_name", "repository_arn", "repository_url", "key_arn"):
            pulumi.export(output, getattr(made, output))

    return record(program)


def test_tags_never_move_images_are_scanned_and_lie_under_the_key() -> None:
    graph = recorded()
    repository = graph.one("aws:ecr/repository:Repository").inputs
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository["encryptionConfigurations"] == [{"encryptionType": "KMS", "kmsKey": KEY}]
    assert repository["tags"]["owner"] == "vision"
    assert graph.outputs == {
        "repository_name": "<name of Repository digits>",
        "repository_arn": "<arn of Repository digits>",
        "repository_url": "<repositoryUrl of Repository digits>",
        "key_arn": KEY,
    }
    assert graph.one("mlgate:index:ImageRepository").outputs == graph.outputs


def test_nobody_but_the_pushers_pushes_and_nobody_but_them_and_the_pullers_pulls() -> None:
    pulling, pushing = json.loads(recorded().one("aws:ecr/repositoryPolicy:RepositoryPolicy").inputs["policy"])["Statement"]
    of_aws = "arn:*:iam::*:role/aws-service-role/*"
    assert (pulling["Effect"], pulling["Principal"], pulling["Condition"]) == (
        "Deny",
        "*",
        {"ArnNotLike": {"aws:PrincipalArn": [CI, NODES, of_aws]}},
    )
    assert pulling["Action"] == ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    assert pushing["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": [CI, of_aws]}}
    assert pushing["Action"] == ["ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"]


@pytest.mark.parametrize(
    ("args", "days", "count"),
    [({}, 14, 50), ({"untagged_days": 1, "kept_images": 1}, 1, 1), ({"untagged_days": 3, "kept_images": 10_000}, 3, 10_000)],
)
def test_images_without_a_tag_go_and_so_do_all_but_the_newest(args: dict[str, int], days: int, count: int) -> None:
    policy = json.loads(recorded(**args).one("aws:ecr/lifecyclePolicy:LifecyclePolicy").inputs["policy"])
    untagged, surplus = (rule["selection"] for rule in policy["rules"])
    assert untagged == {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
    assert surplus == {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count}
    assert [rule["rulePriority"] for rule in policy["rules"]] == [1, 2], "ECR: a rule for any tag comes last"


def test_images_and_what_guards_them_stay_when_the_stack_goes() -> None:
    made = [found for found in recorded().resources if found.type.startswith("aws:")]
    assert all(found.retain_on_delete for found in made)
    assert {found.type.rsplit(":", 1)[1] for found in made if not found.protect} == {"LifecyclePolicy"}, "which changes by being replaced"


def test_a_repository_that_is_there_already_is_taken_as_it_is() -> None:
    theirs = ImageRepository.existing("digits", "arn:aws:ecr:eu-central-1:123456789012:repository/digits", "123.dkr/digits")
    assert (theirs.repository_name, theirs.key_arn) == ("digits", None)


@pytest.mark.parametrize(
    ("args", "path", "said"),
    [
        ({"key_arn": "alias/images"}, "key_arn", "an ARN such as arn:aws:kms"),
        ({"pushers": ["*"]}, "pushers[0]", "an ARN such as arn:aws:iam"),
        ({"pullers": [NODES, NODES]}, "pullers[1]", "each once"),
        ({"pullers": [""]}, "pullers[0]", "leave it out"),
        ({"pushers": None}, "pushers", "give it"),
        ({"untagged_days": 0}, "untagged_days", "a day or more"),
        ({"kept_images": 0}, "kept_images", "1 to 10000"),
        ({"kept_images": 10_001}, "kept_images", "1 to 10000"),
        ({"mutable": True}, "mutable", "there are key_arn"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path_before_anything_is_made(args: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(**args)
    assert [(problem.where, said in problem.expected) for problem in refused.value.problems] == [(path, True)]


def test_a_name_leaves_room_for_what_pulumi_adds() -> None:
    recorded(name="a" * 248)
    with pytest.raises(ArgumentsError, match="248 at most"):
        recorded(name="a" * 249)
