"""ECR repositories, their lifecycle policies and who may use them."""

from __future__ import annotations

from typing import Any

from mlgate_testkit.aws.account import Aws, ClientError, refusal
from mlgate_testkit.aws.documents import malformed
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel
from mlgate_testkit.aws.principals import require_principals
from mlgate_testkit.aws.rules import choice, text
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS"]

_NAME = r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*"


def _create(aws: Aws, inputs: Inputs) -> str:
    request: dict[str, Any] = {
        "repositoryName": inputs["name"],
        "imageTagMutability": inputs["imageTagMutability"],
        "imageScanningConfiguration": {"scanOnPush": _scans(inputs)},
        "tags": tag_list(inputs["tags"]),
    }
    if encryption := inputs.get("encryptionConfigurations"):
        made = {"encryptionType": encryption[0].get("encryptionType") or "AES256"}
        request["encryptionConfiguration"] = made | ({"kmsKey": encryption[0]["kmsKey"]} if encryption[0].get("kmsKey") else {})
    aws.client("ecr").create_repository(**request)
    return str(inputs["name"])


def _scans(inputs: Inputs) -> bool:
    return bool((inputs.get("imageScanningConfiguration") or {}).get("scanOnPush"))


def _read(aws: Aws, name: str, known: Inputs) -> Outputs | None:
    ecr = aws.client("ecr")
    (found,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    encryption = found.get("encryptionConfiguration") or {"encryptionType": "AES256"}
    encryptions = [{key: encryption[key] for key in ("encryptionType", "kmsKey") if encryption.get(key)}]
    return {
        "name": name,
        "arn": found["repositoryArn"],
        "registryId": found["registryId"],
        "repositoryUrl": f"{found['registryId']}.dkr.ecr.{aws.region}.{aws.suffix}/{name}",
        "imageTagMutability": found["imageTagMutability"],
        "imageScanningConfiguration": {"scanOnPush": found["imageScanningConfiguration"]["scanOnPush"]},
        "encryptionConfigurations": [] if known.get("encryptionConfigurations") == [] else encryptions,  # none leaves it to AWS
        "tags": tags_of(ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]),
    }


def _update(aws: Aws, name: str, olds: Inputs, news: Inputs) -> None:
    ecr = aws.client("ecr")
    ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability=news["imageTagMutability"])
    ecr.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration={"scanOnPush": _scans(news)})
    arn = aws.arn("ecr", f"repository/{name}")
    if removed := [key for key in olds["tags"] if key not in news["tags"]]:
        ecr.untag_resource(resourceArn=arn, tagKeys=removed)
    if news["tags"]:
        ecr.tag_resource(resourceArn=arn, tags=tag_list(news["tags"]))


def _delete(aws: Aws, name: str, inputs: Inputs) -> None:
    aws.client("ecr").delete_repository(repositoryName=name, force=bool(inputs.get("forceDelete")))


def _same_scanning(before: Any, after: Any) -> bool:
    return bool(before.get("scanOnPush")) == bool(after.get("scanOnPush"))


# -- policies


def _put_lifecycle(aws: Aws, inputs: Inputs) -> str:
    aws.client("ecr").put_lifecycle_policy(repositoryName=inputs["repository"], lifecyclePolicyText=inputs["policy"])
    return str(inputs["repository"])


def _read_lifecycle(aws: Aws, name: str, _known: Inputs) -> Outputs | None:
    found = aws.client("ecr").get_lifecycle_policy(repositoryName=name)
    return {"repository": name, "policy": found["lifecyclePolicyText"], "registryId": found["registryId"]}


def _delete_lifecycle(aws: Aws, name: str, _inputs: Inputs) -> None:
    aws.client("ecr").delete_lifecycle_policy(repositoryName=name)


def _put_policy(aws: Aws, inputs: Inputs) -> str:
    # A repository policy names no resource: it is the repository (ECR user guide, "Private repository policies").
    if problem := malformed(inputs["policy"], "trust"):
        raise _refused(problem)
    require_principals(aws, inputs["policy"], _refused("Principal not found"))
    aws.client("ecr").set_repository_policy(repositoryName=inputs["repository"], policyText=inputs["policy"])
    return str(inputs["repository"])


def _refused(problem: str) -> ClientError:
    message = f"Invalid parameter at 'PolicyText' failed to satisfy constraint: '{problem}'"
    return refusal("InvalidParameterException", message, "SetRepositoryPolicy")


def _update_policy(aws: Aws, _name: str, _olds: Inputs, news: Inputs) -> None:
    _put_policy(aws, news)


def _read_policy(aws: Aws, name: str, _known: Inputs) -> Outputs | None:
    found = aws.client("ecr").get_repository_policy(repositoryName=name)
    return {"repository": name, "policy": found["policyText"], "registryId": found["registryId"]}


def _delete_policy(aws: Aws, name: str, _inputs: Inputs) -> None:
    aws.client("ecr").delete_repository_policy(repositoryName=name)


MODELS = (
    ResourceModel(
        type="aws:ecr/repository:Repository",
        noun="ECR Repository",
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("name", 256, adjust=str.lower),
        defaults={"imageTagMutability": "MUTABLE"},
        forces_new=frozenset({"name", "encryptionConfigurations"}),
        computed=frozenset({"encryptionConfigurations"}),
        state_only=frozenset({"forceDelete", "imageTagMutabilityExclusionFilters"}),
        equivalent={"imageScanningConfiguration": _same_scanning},
        rules=(
            text("name", r".{2,256}", "has 2 to 256 characters"),
            text("name", _NAME, "must be lower-case letters, digits, and single . _ - or / between them"),
            choice("imageTagMutability", "MUTABLE", "IMMUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"),
            choice("encryptionConfigurations.encryptionType", "AES256", "KMS", "KMS_DSSE"),
        ),
        behaviours=(
            Behaviour(
                "a repository that holds images is deleted only with forceDelete (RepositoryNotEmptyException)",
                "ECR API reference, DeleteRepository",
                "test_ecr.py::test_a_repository_with_images_is_deleted_only_by_force",
            ),
        ),
    ),
    ResourceModel(
        type="aws:ecr/lifecyclePolicy:LifecyclePolicy",
        noun="ECR Lifecycle Policy",
        create=_put_lifecycle,
        read=_read_lifecycle,
        delete=_delete_lifecycle,
        forces_new=frozenset({"repository", "policy"}),
        replace_first=True,
        json=frozenset({"policy"}),
        behaviours=(
            Behaviour(
                "a lifecycle policy off the grammar is refused",
                "ECR user guide, Lifecycle policy properties; moto",
                "test_ecr.py::test_a_lifecycle_policy_off_the_grammar_is_refused",
            ),
            Behaviour(
                "another lifecycle policy is a new one, and the old one goes first: else it would take the new one along",
                "terraform-provider-aws, aws_ecr_lifecycle_policy (ForceNew); pulumi-aws, provider/resources.go, DeleteBeforeReplace",
                "test_forces_new.py::test_the_old_one_goes_first_where_the_real_provider_says_so",
                ("test_every_type.py::test_what_cannot_change_in_place_is_made_anew_and_the_old_one_goes",),
            ),
        ),
    ),
    ResourceModel(
        type="aws:ecr/repositoryPolicy:RepositoryPolicy",
        noun="ECR Repository Policy",
        create=_put_policy,
        read=_read_policy,
        update=_update_policy,
        delete=_delete_policy,
        forces_new=frozenset({"repository"}),
        json=frozenset({"policy"}),
        behaviours=(
            Behaviour(
                "a repository policy names no resource",
                "ECR user guide, Private repository policies",
                "test_ecr.py::test_a_repository_policy_names_no_resource",
            ),
            Behaviour(
                "a policy that names a principal that does not exist is refused",
                "terraform-provider-aws#39064 (text)",
                "test_ecr.py::test_a_repository_policy_names_principals_that_exist",
            ),
        ),
    ),
)
