"""`ImageRepository`: where the images of a service lie, who may put them there and who may take them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from mlgate_components.arguments import Wrong, check
from mlgate_components.aws.access.flows import TABLE, At, Verb
from mlgate_components.aws.access.permissions import check_roles
from mlgate_components.aws.names import AUTOMATIC, KMS_KEY, check_arn, check_name
from mlgate_components.aws.outputs import register_declared
from mlgate_components.aws.parts import Parts
from mlgate_components.aws.policies import Statement, policy_text
from mlgate_components.aws.tags import Tags

__all__ = ["ExistingImageRepository", "ImageRepository", "ImageRepositoryArgs"]

TYPE = "mlgate:index:ImageRepository"
_NAME = 256  # ECR API reference, CreateRepository
_UNTAGGED_DAYS = 14
_KEPT_IMAGES = 50
_MOST = 10_000  # ECR user guide, "Amazon ECR service quotas": images in a repository, unless it is raised
# IAM user guide, "Create a service-linked role": AWS alone makes roles on this path. Enhanced scanning pulls as one of them.
_OF_AWS = "arn:*:iam::*:role/aws-service-role/*"


class ImageRepositoryArgs(TypedDict):
    """Under which key images lie, who pushes and pulls them, and how long they stay."""

    key_arn: pulumi.Input[str]
    """The KMS key that they are encrypted with; its policy lets the account use it through `ecr`."""
    tags: Tags
    """What every resource of it carries."""
    pushers: list[pulumi.Input[str]]
    """ARNs of the roles that push, and pull. Everybody else is denied, whatever their own policies say."""
    pullers: list[pulumi.Input[str]]
    """ARNs of the roles that pull, such as the one of the cluster's nodes. Everybody else is denied."""
    untagged_days: NotRequired[int]
    """After how many days an image without a tag goes; 14 unless said."""
    kept_images: NotRequired[int]
    """How many images stay, the newest ones; 50 unless said. One that is still deployed goes too once so many came after it."""


@dataclass(frozen=True, slots=True)
class ExistingImageRepository:
    """A repository of your own, of which nothing is made or changed. Its own policy must let those in who are to push and pull."""

    repository_name: pulumi.Input[str]
    repository_arn: pulumi.Input[str]
    repository_url: pulumi.Input[str]
    key_arn: pulumi.Input[str] | None = None


class ImageRepository(pulumi.ComponentResource):
    """Images whose tags never move, each scanned as it is pushed. They stay when the stack goes, and what guards them too."""

    repository_name: pulumi.Output[str]
    """Its name in the account's registry."""
    repository_arn: pulumi.Output[str]
    """Its ARN."""
    repository_url: pulumi.Output[str]
    """What an image's name begins with, before tag or digest."""
    key_arn: pulumi.Output[str]
    """The key that images are encrypted with."""

    existing = ExistingImageRepository

    def __init__(self, name: str, args: ImageRepositoryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        _planned(name, args)
        super().__init__(TYPE, name, None, opts)
        parts = Parts(name, args["tags"], self)
        kept = parts.opts(kept=True)
        repository = aws.ecr.Repository(
            name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": args["key_arn"]}],
            tags=parts.tagged(),
            opts=kept,
        )
        aws.ecr.RepositoryPolicy(
            name, repository=repository.name, policy=policy_text(*_guards(args["pushers"], args["pullers"])), opts=kept
        )
        # Another lifecycle is another policy to the provider, so it is no protected one; it stays with the repository all the same.
        retained = pulumi.ResourceOptions(parent=self, retain_on_delete=True)
        aws.ecr.LifecyclePolicy(name, repository=repository.name, policy=_lifecycle(args), opts=retained)
        self.repository_name, self.repository_arn, self.repository_url = repository.name, repository.arn, repository.repository_url
        self.key_arn = pulumi.Output.from_input(args["key_arn"])
        register_declared(self)


def _guards(pushers: "Sequence[pulumi.Input[str]]", pullers: "Sequence[pulumi.Input[str]]") -> list[Statement]:
    """Nobody but these pushes or pulls. What they may do is in their own policies: one place that grants is enough."""
    pull, push = (set(_actions(verb)) for verb in (Verb.PULLS, Verb.PUSHES))
    return [_nobody_but([*pushers, *pullers], pull), _nobody_but(pushers, push - pull)]


def _nobody_but(roles: "Sequence[pulumi.Input[str]]", actions: set[str]) -> Statement:
    others = {"ArnNotLike": {"aws:PrincipalArn": [*roles, _OF_AWS]}}
    return {"Effect": "Deny", "Principal": "*", "Action": sorted(actions), "Condition": others}


def _actions(verb: Verb) -> tuple[str, ...]:
    return next(act.actions for act in TABLE[verb] if act.at is At.REPOSITORY)


def _lifecycle(args: Mapping[str, Any]) -> str:
    days, count = args.get("untagged_days", _UNTAGGED_DAYS), args.get("kept_images", _KEPT_IMAGES)
    untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
    surplus = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count}
    return json.dumps(
        {
            "rules": [
                {"rulePriority": priority, "description": why, "selection": selection, "action": {"type": "expire"}}
                for priority, why, selection in (
                    (1, f"no tag for {days} days", untagged),
                    (2, f"more than {count} images", surplus),
                )
            ]
        }
    )


def _planned(name: str, args: ImageRepositoryArgs) -> None:
    """Raises ArgumentsError with everything that is wrong."""
    wrong = Wrong("ImageRepository", name)
    check(ImageRepositoryArgs, args, wrong)
    wrong.stop()
    check_name(name, wrong, at_most=_NAME - AUTOMATIC)
    check_arn(args["key_arn"], wrong, "key_arn", KMS_KEY)
    check_roles(args["pushers"], wrong, "pushers")
    check_roles(args["pullers"], wrong, "pullers")
    days, count = args.get("untagged_days", _UNTAGGED_DAYS), args.get("kept_images", _KEPT_IMAGES)
    if days < 1:
        wrong.add("untagged_days", f"is {days}", "a day or more: an image is pushed before its tag")
    if not 1 <= count <= _MOST:
        wrong.add("kept_images", f"is {count}", f"1 to {_MOST} images, which is what a repository holds")
    wrong.stop()
