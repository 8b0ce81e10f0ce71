"""Launch templates, instances and tags, where moto is too lenient, or knows too little of what is ours."""

from __future__ import annotations

from typing import Any

from moto.ec2.utils import parse_user_data

from mlgate_testkit.aws.apis.dispatch import Operation, Place, Refused
from mlgate_testkit.aws.apis.ec2_capacity import require_type

__all__ = ["OPERATIONS"]

_OURS = ("pg-", "cr-")


def _create_template(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    """moto mixes the template's own tags into those of what is launched from it."""
    tags: dict[str, dict[str, str]] = {}
    for specification in wanted.get("TagSpecifications") or ():
        tags[specification["ResourceType"]] = {tag["Key"]: tag["Value"] for tag in specification["Tags"]}
    data = _template_data(wanted)
    made = place.backend.create_launch_template(wanted["LaunchTemplateName"], wanted.get("VersionDescription"), data, tags)
    return {
        "LaunchTemplate": {
            "LaunchTemplateId": made.id,
            "LaunchTemplateName": made.name,
            "DefaultVersionNumber": 1,
            "LatestVersionNumber": 1,
        }
    }


def _create_template_version(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    template = place.backend.get_launch_template(wanted["LaunchTemplateId"])
    version = template.create_version(_template_data(wanted), wanted.get("VersionDescription"))
    return {"LaunchTemplateVersion": {"LaunchTemplateId": template.id, "VersionNumber": version.number}}


def _template_data(wanted: dict[str, Any]) -> dict[str, Any]:
    data = dict(wanted.get("LaunchTemplateData") or {})
    if data.get("InstanceType"):
        require_type(data["InstanceType"])
    if not all(each.get("Tags") for each in data.get("TagSpecifications") or ()):
        raise Refused("InvalidTagKey.Malformed", "Tag specification must have at least one tag")
    return data | {"UserData": parse_user_data(data.get("UserData"))}


def _template_versions(place: Place, wanted: dict[str, Any]) -> None:
    """moto fails on a version that is no number."""
    for version in wanted.get("Versions") or ():
        _require_version(place, wanted | {"Version": version})


def _require_version(place: Place, named: dict[str, Any]) -> None:
    """Raises AWS's refusal unless there is such a launch template, by id or name, in such a version."""
    if name := named.get("LaunchTemplateName"):
        template = place.backend.get_launch_template_by_name(name)
    else:
        template = place.backend.get_launch_template(named["LaunchTemplateId"])
    version = named.get("Version") or "$Default"
    if version not in {"$Default", "$Latest", *(str(each.number) for each in template.versions)}:
        message = f"Could not find the specified version {version} for the launch template with ID {template.id}."
        raise Refused("InvalidLaunchTemplateId.VersionNotFound", message)


def _run(place: Place, wanted: dict[str, Any]) -> None:
    """moto warns of an image that it does not know, and fails on a launch template; AWS refuses."""
    if template := wanted.get("LaunchTemplate"):
        _require_version(place, template)
    image = wanted.get("ImageId")
    if image and image not in place.backend.amis:
        raise Refused("InvalidAMIID.NotFound", f"The image id '[{image}]' does not exist")
    if wanted.get("InstanceType"):
        require_type(wanted["InstanceType"])
    group = (wanted.get("Placement") or {}).get("GroupName")
    if group and group not in place.store("placement"):
        raise Refused("InvalidPlacementGroup.Unknown", f"The Placement Group '{group}' is unknown.")
    key = wanted.get("KeyName")
    if key and key not in place.backend.key_pairs:
        raise Refused("InvalidKeyPair.NotFound", f"The key pair '{key}' does not exist")


def _create_tags(place: Place, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """moto knows no ids of placement groups and reservations."""
    if not any(each.startswith(_OURS) for each in wanted["Resources"]):
        return None
    place.backend.create_tags(wanted["Resources"], {tag["Key"]: tag.get("Value", "") for tag in wanted["Tags"]})
    return {}


def _delete_tags(place: Place, wanted: dict[str, Any]) -> dict[str, Any] | None:
    if not any(each.startswith(_OURS) for each in wanted["Resources"]):
        return None
    place.backend.delete_tags(wanted["Resources"], {tag["Key"]: tag.get("Value") for tag in wanted["Tags"]})
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateTags": _create_tags,
    "DeleteTags": _delete_tags,
    "CreateLaunchTemplate": _create_template,
    "CreateLaunchTemplateVersion": _create_template_version,
    "DescribeLaunchTemplateVersions": _template_versions,
    "RunInstances": _run,
}
