"""IAM instance profiles: how a machine comes by its role."""

from __future__ import annotations

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel
from mlgate_testkit.aws.models.iam_policy import counted, iam_name, iam_path, well_formed
from mlgate_testkit.aws.models.iam_role import retag
from mlgate_testkit.aws.principals import ROLE
from mlgate_testkit.aws.rules import conflicting
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.aws.times import time_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS"]


def _create(aws: Aws, inputs: Inputs) -> str:
    iam, name = aws.client("iam"), inputs.get("name") or f"{inputs['namePrefix']}{aws.unique()}"
    with aws.within("L-6E65F664", lambda: counted(iam, "list_instance_profiles", "InstanceProfiles") + 1):
        iam.create_instance_profile(InstanceProfileName=name, Path=inputs["path"], Tags=tag_list(inputs["tags"]))
    return str(name)


def _settle(aws: Aws, name: str, inputs: Inputs) -> None:
    iam = aws.client("iam")
    there = [each["RoleName"] for each in iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]]
    wanted = inputs.get("role")
    for role in there:
        if role != wanted:
            iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role)
    if wanted and wanted not in there:
        error = refusal("NoSuchEntity", f"The role with name {wanted} cannot be found.", "AddRoleToInstanceProfile")
        aws.wait_for(ROLE, wanted, error)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=wanted)


def _read(aws: Aws, name: str, _known: Inputs) -> Outputs | None:
    profile = aws.client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    return {
        "name": name,
        "arn": profile["Arn"],
        "uniqueId": profile["InstanceProfileId"],
        "createDate": time_of(profile["CreateDate"]),
        "path": profile["Path"],
        "role": next((role["RoleName"] for role in profile["Roles"]), None),
        "tags": tags_of(profile.get("Tags")),
    }


def _update(aws: Aws, name: str, olds: Inputs, news: Inputs) -> None:
    iam = aws.client("iam")
    retag(iam.tag_instance_profile, iam.untag_instance_profile, olds, news, InstanceProfileName=name)
    _settle(aws, name, news)


def _delete(aws: Aws, name: str, _inputs: Inputs) -> None:
    iam = aws.client("iam")
    for role in iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]:
        iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role["RoleName"])
    iam.delete_instance_profile(InstanceProfileName=name)


MODELS = (
    ResourceModel(
        type="aws:iam/instanceProfile:InstanceProfile",
        noun="IAM Instance Profile",
        create=_create,
        settle=_settle,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("name", 128, instead=("namePrefix",)),
        defaults={"path": "/"},
        forces_new=frozenset({"name", "path"}),
        rules=(conflicting("name", "namePrefix"), iam_name(128), iam_path(), well_formed("role")),
        behaviours=(
            Behaviour(
                "a role that AWS does not show yet is waited for, two minutes at most",
                "terraform-provider-aws, internal/service/iam: propagationTimeout",
                "test_iam.py::test_a_role_that_aws_does_not_show_yet_is_waited_for",
                ("test_iam.py::test_a_role_that_is_not_shown_for_too_long_leaves_a_profile_half_made",),
            ),
        ),
    ),
)
