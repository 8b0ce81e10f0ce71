"""Launch templates, instances and key pairs."""

from __future__ import annotations

import pytest

from mlgate_testkit.provider.provider import ProviderError
from mlgate_testkit.provider.values import UNKNOWN

from .cloud import Cloud
from .samples_compute import PUBLIC_KEY, instance

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
INSTANCE = "aws:ec2/instance:Instance"
KEY = "aws:ec2/keyPair:KeyPair"


def test_a_changed_launch_template_gets_a_new_version(cloud: Cloud) -> None:
    made = cloud.up(TEMPLATE, name="gpu", instanceType="g6.xlarge")
    assert (made.outputs["latestVersion"], made.outputs["defaultVersion"]) == (1, 1)
    assert cloud.change(TEMPLATE, made, preview=True, name="gpu", instanceType="g6.2xlarge").outputs["latestVersion"] is UNKNOWN
    second = cloud.change(TEMPLATE, made, name="gpu", instanceType="g6.2xlarge")
    assert (second.outputs["latestVersion"], second.outputs["defaultVersion"]) == (2, 1)
    third = cloud.change(TEMPLATE, second, name="gpu", instanceType="g6.4xlarge", updateDefaultVersion=True)
    assert (third.outputs["latestVersion"], third.outputs["defaultVersion"]) == (3, 3)
    tagged = cloud.change(TEMPLATE, third, name="gpu", instanceType="g6.4xlarge", updateDefaultVersion=True, tags={"a": "b"})
    assert tagged.outputs["latestVersion"] == 3
    with pytest.raises(ProviderError, match=r"instance types do not exist: \[g6.none\]"):
        cloud.up(TEMPLATE, "typo", instanceType="g6.none")
    (failure,) = cloud.check(TEMPLATE, metadataOptions={"httpTokens": "needed"})
    assert 'to be one of ["optional" "required"], got needed' in failure.reason


def test_requirements_are_read_back_in_the_spelling_of_the_program(cloud: Cloud) -> None:
    wanted = {"memoryMib": {"min": 16384}, "vcpuCount": {"min": 4, "max": 8}, "acceleratorTypes": ["gpu"]}
    made = cloud.up(TEMPLATE, instanceRequirements=wanted)
    assert made.outputs["instanceRequirements"] == wanted


def test_names_of_private_dns_are_read_back_in_the_spelling_of_the_program(cloud: Cloud) -> None:
    wanted = {"enableResourceNameDnsARecord": True, "enableResourceNameDnsAaaaRecord": True}
    assert cloud.up(TEMPLATE, privateDnsNameOptions=wanted).outputs["privateDnsNameOptions"] == wanted


def test_gpu_instances_beyond_the_vcpu_quota_do_not_start(cloud: Cloud) -> None:
    cloud.package.quota("Running On-Demand G and VT instances", 4)
    cloud.package.quota("All G and VT Spot Instance Requests", 0)
    arguments = {**instance(cloud), "instanceType": "g6.xlarge"}
    first = cloud.up(INSTANCE, "first", **arguments)
    with pytest.raises(ProviderError, match=r"VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit of 4"):
        cloud.up(INSTANCE, "second", **arguments)
    with pytest.raises(ProviderError, match="MaxSpotInstanceCountExceeded"):
        cloud.up(INSTANCE, "spot", **arguments, instanceMarketOptions={"marketType": "spot"})
    assert cloud.up(INSTANCE, "cpu", **{**arguments, "instanceType": "m7i.large"})
    cloud.delete(INSTANCE, first)
    assert cloud.refresh(INSTANCE, first) is None
    assert cloud.up(INSTANCE, "second", **arguments)


def test_a_larger_instance_is_counted_as_it_starts_again_without_the_smaller_one(cloud: Cloud) -> None:
    arguments = instance(cloud)
    made = cloud.up(INSTANCE, **arguments, instanceType="g6.xlarge")
    cloud.package.quota("L-DB2E81BA", 7)
    with pytest.raises(ProviderError, match="VcpuLimitExceeded"):
        cloud.change(INSTANCE, made, **arguments, instanceType="g6.2xlarge")
    stopped = cloud.refresh(INSTANCE, made)
    assert stopped
    assert (stopped.outputs["instanceState"], stopped.inputs["instanceType"]) == ("stopped", "g6.2xlarge")
    cloud.package.quota("L-DB2E81BA", 8)
    assert cloud.change(INSTANCE, made, **arguments, instanceType="g6.2xlarge").outputs["instanceState"] == "running"


def test_an_instance_needs_an_image_that_exists(cloud: Cloud) -> None:
    with pytest.raises(ProviderError, match=r"InvalidAMIID.NotFound: The image id '\[ami-0123\]' does not exist"):
        cloud.up(INSTANCE, ami="ami-0123", instanceType="t3.micro")
    arguments = {**instance(cloud), "instanceType": "t3.micro"}
    with pytest.raises(ProviderError, match="The key pair 'ops' does not exist"):
        cloud.up(INSTANCE, **arguments, keyName="ops")
    with pytest.raises(ProviderError, match="The Placement Group 'train' is unknown"):
        cloud.up(INSTANCE, **arguments, placementGroup="train")
    assert [failure.property for failure in cloud.check(INSTANCE)] == ["ami", "instanceType"]


def test_an_instance_is_launched_from_a_template(cloud: Cloud) -> None:
    template = cloud.up(TEMPLATE, instanceType="t3.micro", imageId=instance(cloud)["ami"])
    made = cloud.up(INSTANCE, launchTemplate={"id": template.id, "version": "$Latest"})
    assert made.outputs["instanceType"] == "t3.micro"


@pytest.mark.parametrize("kind", [{}, {"instanceType": "t3.micro"}], ids=["type of the template", "type of its own"])
def test_an_instance_needs_a_launch_template_that_exists(cloud: Cloud, kind: dict[str, str]) -> None:
    with pytest.raises(ProviderError, match=r"InvalidLaunchTemplateId.NotFound: The specified launch template, with template ID lt-0abc, "):
        cloud.up(INSTANCE, launchTemplate={"id": "lt-0abc"}, **kind)
    with pytest.raises(ProviderError, match=r"InvalidLaunchTemplateName.NotFoundException"):
        cloud.up(INSTANCE, launchTemplate={"name": "gpu"}, **kind)
    template = cloud.up(TEMPLATE, instanceType="t3.micro", imageId=instance(cloud)["ami"])
    for version in ("7", "newest"):
        with pytest.raises(ProviderError, match=f"InvalidLaunchTemplateId.VersionNotFound: Could not find the specified version {version}"):
            cloud.up(INSTANCE, launchTemplate={"id": template.id, "version": version}, **kind)
    (both,) = cloud.check(INSTANCE, launchTemplate={"id": template.id, "name": template.outputs["name"]})
    assert both.property == "launchTemplate.name"


def test_an_instance_has_an_address_and_a_tenancy_that_ec2_knows(cloud: Cloud) -> None:
    failures = cloud.check(INSTANCE, **instance(cloud), instanceType="t3.micro", privateIp="10.0.0", tenancy="own")
    assert {failure.property for failure in failures} == {"privateIp", "tenancy"}


def test_what_a_launch_template_tags_has_tags(cloud: Cloud) -> None:
    with pytest.raises(ProviderError, match=r"InvalidTagKey.Malformed: Tag specification must have at least one tag"):
        cloud.up(TEMPLATE, tagSpecifications=[{"resourceType": "instance"}])


def test_a_key_pair_has_an_openssh_key_and_a_name_of_its_own(cloud: Cloud) -> None:
    (failure,) = cloud.check(KEY, publicKey="secret")
    assert failure.reason == "Key is not in valid OpenSSH public key format"
    made = cloud.up(KEY, "ops", publicKey=PUBLIC_KEY)
    assert made.id.startswith("ops-")
    with pytest.raises(ProviderError, match=r"InvalidKeyPair.Duplicate"):
        cloud.up(KEY, "again", keyName=made.id, publicKey=PUBLIC_KEY)
