"""What a lost create made is taken over where there is one candidate, and listed with the commands where there are several or none."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from mlgate import BusyError, Platform, StackError
from mlgate.platform_files import Source
from mlgate_delivery import orphan_kinds, orphans
from mlgate_delivery.orphan_kinds import BY_TAGS, Where, ids_of_inputs, kind_of
from mlgate_delivery.orphans import Left, adopt
from mlgate_delivery.project import Project
from mlgate_delivery.recover_remote import recover_remote
from mlgate_delivery.remote_state import RemoteState
from tests.core.platforms import varied

REGION, ACCOUNT = "eu-central-1", "123456789012"
TAGS = {"Name": "network", "environment": "dev", "owner": "ml", "managed-by": "mlgate"}
VPC, KEY, ROLE = "aws:ec2/vpc:Vpc", "aws:kms/key:Key", "aws:iam/role:Role"
PARENT = "urn:pulumi:dev::ours::mlgate:index:Network::network"
PROVIDER = "urn:pulumi:dev::ours::pulumi:providers:aws::aws"


class Kept:
    """A stack in memory. Its refresh takes out what `gone` names, and puts `tags` on what is there; `objects` are as they stand there."""

    def __init__(self, *begun: dict[str, Any], resources: tuple[dict[str, Any], ...] = ()) -> None:
        self.state: dict[str, Any] = {"version": 3, "deployment": {"resources": list(resources), "pending_operations": list(begun)}}
        self.gone: set[str] = set()
        self.tags: dict[str, Mapping[str, str]] = {}
        self.objects: dict[str, Mapping[str, Any]] = {}
        self.refreshed = 0

    def export(self) -> Mapping[str, Any]:
        return copy.deepcopy(self.state)

    def import_(self, state: Mapping[str, Any]) -> None:
        self.state = json.loads(json.dumps(state))

    def refresh(self) -> None:
        self.refreshed += 1
        there = [made for made in self.resources if made["id"] not in self.gone]
        for made in there:
            made["outputs"] = self.objects.get(made["id"], {"tags": self.tags.get(made["id"], made["inputs"].get("tags"))})
        self.state["deployment"] |= {"resources": there, "pending_operations": []}

    @property
    def resources(self) -> list[dict[str, Any]]:
        return list(self.state["deployment"]["resources"])

    @property
    def ids(self) -> dict[str, str]:
        return {made["urn"].split("::")[3]: made["id"] for made in self.resources}


def begun(token: str, called: str, operation: str = "creating", /, **inputs: Any) -> dict[str, Any]:
    """An operation that never ended."""
    made = {"urn": f"{PARENT.rsplit('::', 2)[0]}::mlgate:index:Network${token}::{called}", "type": token, "custom": True, "inputs": inputs}
    return {"type": operation, "resource": {**made, "parent": PARENT, "provider": f"{PROVIDER}::1"}}


@pytest.fixture
def where() -> Iterator[Where]:
    with mock_aws():
        yield Where(ACCOUNT, REGION, lambda service: boto3.client(service, region_name=REGION))


def put_vpc(where: Where, **more: str) -> str:
    tags = [{"Key": key, "Value": value} for key, value in {**TAGS, **more}.items()]
    made = where.client("ec2").create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])
    return str(made["Vpc"]["VpcId"])


def put_key(where: Where, **more: str) -> str:
    tags = [{"TagKey": key, "TagValue": value} for key, value in {**TAGS, **more}.items()]
    return str(where.client("kms").create_key(Tags=tags)["KeyMetadata"]["KeyId"])


def recovered(stack: Kept, where: Where) -> tuple[list[Left], list[str]]:
    said: list[str] = []
    return list(adopt(stack, "dev", where, said.append)), said


def test_what_has_no_name_is_found_by_its_tags_and_taken_over_with_all_that_the_state_knew_of_it(where: Where) -> None:
    vpc, key = put_vpc(where), put_key(where, Name="images")
    stack = Kept(begun(VPC, "network", tags=TAGS, cidrBlock="10.0.0.0/16"), begun(KEY, "images", tags={**TAGS, "Name": "images"}))
    left, said = recovered(stack, where)
    assert left == []
    assert stack.ids == {"network": vpc, "images": key}
    (network, _) = stack.resources
    assert (network["parent"], network["provider"], network["inputs"]["cidrBlock"]) == (PARENT, f"{PROVIDER}::1", "10.0.0.0/16")
    assert said[0].startswith("recovering: 2 operations")
    assert said[1] == f"recovering: took over {VPC} network ({vpc})"


def test_of_two_candidates_none_is_taken_over_and_both_are_listed_with_the_commands(where: Where) -> None:
    vpcs = sorted([put_vpc(where), put_vpc(where)])
    stack = Kept(begun(VPC, "network", tags=TAGS))
    left, _ = recovered(stack, where)
    assert stack.resources == []
    assert [each.id for each in left] == vpcs
    assert left[0].why == "is one of 2 that it could be"
    assert left[0].delete == f"aws ec2 delete-vpc --vpc-id {vpcs[0]}"
    assert left[0].adopt == (
        'eval "$(mlgate env dev)" && '
        f"pulumi import {VPC} network {vpcs[0]} --protect=false --parent parent={PARENT} --provider provider={PROVIDER}"
    )
    assert f"delete it: {left[0].delete}" in str(left[0])
    keys = [put_key(where, Name="images") for _ in range(2)]
    left, _ = recovered(Kept(begun(KEY, "images", tags={**TAGS, "Name": "images"})), where)
    assert {f"aws kms schedule-key-deletion --key-id {key}" for key in keys} <= {each.delete for each in left if each.adopt}


def test_what_the_state_knows_already_is_no_candidate_for_another(where: Where) -> None:
    known, lost = put_vpc(where), put_vpc(where)
    there = {"urn": f"{PARENT}-1", "type": VPC, "custom": True, "id": known, "inputs": {"tags": TAGS}}
    stack = Kept(begun(VPC, "network", tags=TAGS), resources=(there,))
    assert recovered(stack, where)[0] == []
    assert stack.ids["network"] == lost


def test_a_name_tells_by_itself_and_what_was_never_made_is_found_gone(where: Where) -> None:
    stack = Kept(begun(ROLE, "gate", name="gate-0a1b2c3", tags=TAGS), begun(ROLE, "ci", name="ci-0a1b2c3", tags=TAGS))
    stack.gone = {"ci-0a1b2c3"}
    left, said = recovered(stack, where)
    assert left == []
    assert stack.ids == {"gate": "gate-0a1b2c3"}
    assert [line for line in said if "took over" in line] == [f"recovering: took over {ROLE} gate (gate-0a1b2c3)"]


def test_what_has_the_name_and_not_the_tags_is_somebody_elses_and_let_go(where: Where) -> None:
    stack = Kept(begun("aws:eks/cluster:Cluster", "cluster", name="mlgate-dev", tags=TAGS))
    stack.tags = {"mlgate-dev": {**TAGS, "owner": "others"}}
    (left,), said = recovered(stack, where)
    assert stack.resources == []
    assert left.why == "has its name and not its tags, so it is somebody else's"
    assert not [line for line in said if "took over" in line]


CLASS = {"metadata": {"name": "gp3"}, "provisioner": "ebs.csi.aws.com", "parameters": {"type": "gp3"}, "allowedTopologies": [{"a": 1}]}


def test_an_object_of_kubernetes_is_found_by_its_name_and_taken_over_where_it_says_all_that_it_was_to_say(where: Where) -> None:
    settings = {"metadata": {"name": "settings", "namespace": "ml"}, "data": {"a": "b"}}
    stack = Kept(
        begun("kubernetes:storage.k8s.io/v1:StorageClass", "class", **CLASS), begun("kubernetes:core/v1:ConfigMap", "it", **settings)
    )
    stack.objects = {
        "gp3": {**CLASS, "metadata": {"name": "gp3", "uid": "1"}, "reclaimPolicy": "Delete"},
        "ml/settings": {**settings, "metadata": {**settings["metadata"], "uid": "2"}},
    }
    assert recovered(stack, where)[0] == []
    assert stack.ids == {"class": "gp3", "it": "ml/settings"}


@pytest.mark.parametrize(
    "other", [{"parameters": {"type": "gp2"}}, {"parameters": {}}, {"allowedTopologies": []}, {"allowedTopologies": [{"a": 2}]}]
)
def test_one_that_says_something_else_is_somebody_elses_and_let_go(where: Where, other: dict[str, Any]) -> None:
    stack = Kept(begun("kubernetes:storage.k8s.io/v1:StorageClass", "class", **CLASS))
    stack.objects = {"gp3": {**CLASS, **other}}
    (left,), _said = recovered(stack, where)
    assert stack.resources == []
    assert left.why == "has its name and not what it was to say, so it is somebody else's"
    assert "pulumi import kubernetes:storage.k8s.io/v1:StorageClass class gp3" in left.adopt


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        ("kubernetes:core/v1:ConfigMapPatch", {"metadata": {"name": "settings"}}),
        ("kubernetes:core/v1:ConfigMap", {"metadata": {"generateName": "a-"}}),
    ],
)
def test_a_patch_is_applied_again_and_a_name_that_the_server_chose_is_not_guessed(where: Where, token: str, inputs: dict[str, Any]) -> None:
    assert ids_of_inputs(token, inputs, where) is None


def test_what_carries_our_tags_and_no_state_knows_is_listed_though_nothing_was_pending(where: Where) -> None:
    vpc, key = put_vpc(where), put_key(where)
    put_vpc(where, environment="prod")
    put_vpc(where, **{"managed-by": "others"})
    going = put_key(where)
    where.client("kms").schedule_key_deletion(KeyId=going)
    put_key(where, Name=f"mlgate-state-dev-{ACCOUNT}")
    put_vpc(where, **{"kubernetes.io/cluster/ml": "owned"})
    marks = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    made = where.client("ec2").create_volume(
        AvailabilityZone=f"{REGION}a", Size=1, TagSpecifications=[{"ResourceType": "volume", "Tags": marks}]
    )
    stack = Kept()
    left, said = recovered(stack, where)
    assert {(each.type, each.id) for each in left} == {(VPC, vpc), (KEY, key), ("ec2", made["VolumeId"])}, "of no type of ours too"
    assert {each.delete for each in left} == {f"aws ec2 delete-vpc --vpc-id {vpc}", f"aws kms schedule-key-deletion --key-id {key}", ""}
    assert (stack.refreshed, said) == (0, []), "where nothing was begun the state is let alone"


def test_operations_that_were_no_creates_are_left_to_the_refresh(where: Where) -> None:
    stack = Kept(begun(VPC, "network", "deleting", tags=TAGS))
    put_vpc(where)
    assert len(recovered(stack, where)[0]) == 1, "it is still there, and the state says so no more"
    assert (stack.refreshed, stack.resources) == (1, [])


def test_ids_that_aws_gives_are_asked_for_where_their_owner_is_known(where: Where) -> None:
    ec2, events = where.client("ec2"), where.client("events")
    vpc = put_vpc(where)
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    asked = {"routeTableId": table, "subnetId": subnet}
    association = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    assert ids_of_inputs(association, asked, where) == []
    made = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    assert ids_of_inputs(association, asked, where) == [made]
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
    events.put_rule(Name="spot", EventPattern='{"source": ["aws.ec2"]}')
    events.put_targets(Rule="spot", Targets=[{"Id": "one", "Arn": queue}, {"Id": "other", "Arn": f"{queue}2"}])
    assert ids_of_inputs("aws:cloudwatch/eventTarget:EventTarget", {"rule": "spot", "arn": queue}, where) == ["spot/one"]
    assert ids_of_inputs("aws:ec2/route:Route", {"routeTableId": table}, where) is None, "to what is not among what tells"


def test_the_group_that_every_network_has_is_pulumis_once_it_has_its_tags(where: Where) -> None:
    ec2 = where.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    (group,) = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    asked = {"vpcId": vpc, "tags": {"environment": "dev", "Name": "network-default"}}
    token = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"  # noqa: S105 - a type
    assert ids_of_inputs(token, asked, where) == []
    ec2.create_tags(Resources=[group["GroupId"]], Tags=[{"Key": key, "Value": value} for key, value in asked["tags"].items()])
    assert ids_of_inputs(token, asked, where) == [group["GroupId"]]


def test_what_belongs_to_something_that_is_gone_was_not_made(where: Where) -> None:
    pending = begun("aws:cloudwatch/eventTarget:EventTarget", "spot", rule="nowhere", arn="arn:aws:sqs:::q")
    stack = Kept(pending)
    assert recovered(stack, where)[0] == []
    assert stack.resources == []


def test_what_aws_refuses_is_told_with_what_is_needed_and_nothing_is_changed(where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    state = RemoteState("dev", Platform.model_validate(varied({"account": ACCOUNT})), Source("", {}))
    said: list[str] = []
    with pytest.raises(StackError, match=r"AWS does not say what there is: .*NoSuchBucket") as refused:
        recover_remote(state, Project(Path(), "ours", Path()), said.append)
    assert "tag:GetResources" in refused.value.remedy
    assert said == []


def test_a_lock_that_nobody_can_read_is_somebodys(where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    state = RemoteState("dev", Platform.model_validate(varied({"account": ACCOUNT})), Source("", {}))
    s3 = where.client("s3")
    s3.create_bucket(Bucket=state.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    key = ".pulumi/locks/organization/ours/dev/a.json"
    for content in (b"", b"[]", b"{}", b'{"pid": 1, "username": "ada", "hostname": "here", "timestamp": "now"}'):
        s3.put_object(Bucket=state.bucket, Key=key, Body=content)
        with pytest.raises(BusyError, match="the stack is locked, and this version cannot tell by whom") as locked:
            recover_remote(state, Project(Path(), "ours", Path()), print)
        assert locked.value.where == f"stack dev, s3://{state.bucket}/{key}"
        assert 'if it is dead: eval "$(mlgate env dev)" && pulumi cancel -s dev,' in locked.value.remedy
    assert s3.head_object(Bucket=state.bucket, Key=key)


def test_the_page_says_all_that_is_asked() -> None:
    source = "".join(Path(module.__file__ or "").read_text(encoding="utf-8") for module in (orphans, orphan_kinds))
    found = re.findall(r'client\("(\w+)"\)\.(?:get_paginator\(")?(\w+)', source)
    asked = {f"{service.replace('resourcegroupstaggingapi', 'tag')}:{call.title().replace('_', '')}" for service, call in found}
    page = (Path(__file__).parents[2] / "docs" / "platform-recover.md").read_text(encoding="utf-8")
    needs = page.split("## What it needs")[1].split("##")[0]
    assert set(re.findall(r"`(\w+:\w+)`", needs)) == asked


def test_every_kind_of_thing_is_told_from_its_id_or_its_arn() -> None:
    assert kind_of("sgr-1") == (BY_TAGS[10], "sgr-1")
    arn = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:token-1"
    told = {found[0].type: found[1] for each in (arn, "arn:aws:s3:::models", "eipalloc-1") if (found := kind_of(each))}
    assert told == {"aws:secretsmanager/secret:Secret": arn, "aws:s3/bucket:Bucket": "models", "aws:ec2/eip:Eip": "eipalloc-1"}
    assert kind_of(f"arn:aws:sns:{REGION}:{ACCOUNT}:topic") is None
