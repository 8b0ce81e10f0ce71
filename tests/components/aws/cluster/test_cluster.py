"""`Cluster`, recorded: what it is made of, in which order, and what it refuses before anything is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi import ResourceHookArgs

from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws import Cluster
from mlgate_components.aws.cluster import reach as cluster_reach
from mlgate_components.aws.cluster.arguments import ADDONS, ClusterArgs
from mlgate_components.aws.cluster.reach import asked_before_the_first_object, unreached
from mlgate_components.aws.cluster.version import judged_before_updates, wrong_step
from mlgate_testkit.record import Graph, record
from mlgate_testkit.record.graph import Resource

TAGS = {"environment": "dev", "owner": "platform"}
ADMIN = "arn:aws:iam::123456789012:role/deployer"
PINS = dict.fromkeys(ADDONS, "v1.2.3-eksbuild.4")
USUAL: dict[str, Any] = {
    "cluster_name": "ml",
    "version": "1.34",
    "network": {"private_subnet_ids": ["subnet-1", "subnet-2"], "intra_subnet_ids": ["subnet-3", "subnet-4"]},
    "nodes": {"instance_types": ["m7i.large", "m6i.large"]},
    "admins": {"deployer": ADMIN},
    "addon_versions": PINS,
    "tags": TAGS,
}
OUTPUTS = (
    *("cluster_name", "cluster_arn", "endpoint", "certificate_authority", "version"),
    *("security_group_id", "node_role_name", "node_role_arn", "key_arn"),
)
CALLER = {"aws:index/getCallerIdentity:getCallerIdentity": {"arn": "arn:aws:sts::123456789012:assumed-role/deployer/ci"}}
ADDON, CLUSTER, NODES = "aws:eks/addon:Addon", "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"


def program(args: dict[str, Any]) -> Callable[[], None]:
    def cluster() -> None:
        import pulumi

        from mlgate_components.aws.cluster.cluster import Cluster

        made = Cluster("ml", ClusterArgs(**args))
        for output in OUTPUTS:
            pulumi.export(output, getattr(made, output))

    return cluster


@cache
def usual() -> Graph:
    return record(program(USUAL), invokes=CALLER)


def recorded(**args: Any) -> Graph:
    return record(program({**USUAL, **args}), invokes=CALLER) if args else usual()


def statement(document: str) -> dict[str, Any]:
    (only,) = json.loads(document)["Statement"]
    return dict(only)


def test_the_endpoint_is_private_secrets_have_their_key_and_nobody_is_admin_by_having_made_it() -> None:
    graph = recorded()
    inputs = graph.one(CLUSTER).inputs
    assert inputs["vpcConfig"] == {"subnetIds": ["subnet-3", "subnet-4"], "endpointPrivateAccess": True, "endpointPublicAccess": False}
    assert inputs["encryptionConfig"] == {"provider": {"keyArn": "<arn of Key ml-secrets>"}, "resources": ["secrets"]}
    allowed = {each["Sid"]: each for each in json.loads(graph.one("aws:kms/key:Key").inputs["policy"])["Statement"]}
    assert allowed["GrantToEks"]["Action"] == ["kms:CreateGrant", "kms:DescribeKey"]
    assert "Condition" not in allowed["GrantToEks"], "EKS takes none"
    assert {each["Principal"]["AWS"] for each in allowed.values()} == {"arn:aws:iam::123456789012:root"}
    assert inputs["accessConfig"] == {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}
    assert inputs["bootstrapSelfManagedAddons"] is False
    assert inputs["deletionProtection"] is graph.one(CLUSTER).protect is True
    assert inputs["version"] == "1.34"


def test_the_endpoint_is_public_for_whom_the_list_names() -> None:
    network = recorded(public_from=["198.51.100.0/24"]).one(CLUSTER).inputs["vpcConfig"]
    assert (network["endpointPublicAccess"], network["publicAccessCidrs"]) == (True, ["198.51.100.0/24"])
    assert network["endpointPrivateAccess"] is True, "nodes stay inside"


def test_all_logs_are_kept_in_a_group_that_is_there_before_eks_makes_its_own() -> None:
    graph = recorded(log_days=30)
    group = graph.one("aws:cloudwatch/logGroup:LogGroup")
    assert (group.inputs["name"], group.inputs["retentionInDays"]) == ("/aws/eks/ml/cluster", 30)
    assert graph.one(CLUSTER).needs(group)
    assert graph.one(CLUSTER).inputs["enabledClusterLogTypes"] == ["api", "audit", "authenticator", "controllerManager", "scheduler"]


def test_what_runs_on_every_node_is_there_before_the_first_and_what_runs_on_some_after() -> None:
    graph = recorded()
    nodes = graph.one(NODES)
    addons = {addon.inputs["addonName"]: addon for addon in graph.all(ADDON)}
    assert {name for name, addon in addons.items() if nodes.needs(addon)} == {"vpc-cni", "eks-pod-identity-agent", "kube-proxy"}
    assert {name for name, addon in addons.items() if addon.needs(nodes)} == {"coredns", "aws-ebs-csi-driver"}
    assert all(addon.needs(graph.one(CLUSTER)) for addon in addons.values())
    assert json.loads(addons["vpc-cni"].inputs["configurationValues"]) == {"enableNetworkPolicy": "true"}


def test_control_plane_addons_and_nodes_go_up_to_a_version_in_that_order() -> None:
    graph = recorded()
    nodes, control_plane = graph.one(NODES), graph.one(CLUSTER)
    assert nodes.needs(control_plane)
    assert nodes.inputs["version"] == control_plane.inputs["version"] == "1.34"
    assert control_plane.hooks == {"before_update": ("Cluster-ml-version",)}


def test_nodes_keep_their_credentials_to_themselves_and_their_disks_are_encrypted() -> None:
    graph = recorded(nodes={"instance_types": ["m7i.large"], "disk_gib": 80})
    template = graph.one("aws:ec2/launchTemplate:LaunchTemplate").inputs
    assert template["metadataOptions"] == {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1}
    (disk,) = template["blockDeviceMappings"]
    assert disk["deviceName"] == "/dev/xvda"
    assert disk["ebs"] == {"volumeType": "gp3", "encrypted": "true", "deleteOnTermination": "true", "volumeSize": 80}
    assert {each["resourceType"] for each in template["tagSpecifications"]} == {"instance", "volume", "network-interface"}
    assert all(TAGS.items() <= each["tags"].items() for each in template["tagSpecifications"])
    group = graph.one(NODES).inputs
    assert (group["capacityType"], group["amiType"]) == ("ON_DEMAND", "AL2023_x86_64_STANDARD")
    assert group["scalingConfig"] == {"minSize": 2, "desiredSize": 2, "maxSize": 4}


def test_bottlerocket_has_its_system_on_one_disk_and_images_on_another() -> None:
    graph = recorded(nodes={"instance_types": ["m7i.large"], "image": "bottlerocket", "release": "1.50.0-5eaa0b1c"})
    disks = graph.one("aws:ec2/launchTemplate:LaunchTemplate").inputs["blockDeviceMappings"]
    assert [(disk["deviceName"], disk["ebs"].get("volumeSize")) for disk in disks] == [("/dev/xvda", None), ("/dev/xvdb", 50)]
    assert all(disk["ebs"]["encrypted"] == "true" for disk in disks)
    group = graph.one(NODES).inputs
    assert (group["amiType"], group["releaseVersion"]) == ("BOTTLEROCKET_x86_64", "1.50.0-5eaa0b1c")


def test_pods_of_the_network_and_of_volumes_have_roles_of_their_own_and_nodes_have_not_theirs() -> None:
    graph = recorded()
    pods = {found.inputs["serviceAccount"]: found for found in graph.all("aws:eks/podIdentityAssociation:PodIdentityAssociation")}
    assert set(pods) == {"aws-node", "ebs-csi-controller-sa"}
    attached: dict[str, set[str]] = {}
    for found in graph.all("aws:iam/rolePolicyAttachment:RolePolicyAttachment"):
        attached.setdefault(found.inputs["role"], set()).add(found.inputs["policyArn"].removeprefix("arn:aws:iam::aws:policy/"))
    assert attached["<name of Role ml-vpc-cni>"] == {"AmazonEKS_CNI_Policy"}
    assert attached["<name of Role ml-aws-ebs-csi-driver>"] == {"service-role/AmazonEBSCSIDriverPolicy"}
    assert attached["<name of Role ml-node>"] == {
        *("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonSSMManagedInstanceCore")
    }
    trust = statement(graph.one("aws:iam/role:Role", "ml-vpc-cni").inputs["assumeRolePolicy"])
    assert trust["Condition"]["StringEquals"]["aws:RequestTag/eks-cluster-arn"] == "<arn of Cluster ml>"
    addons = {addon.inputs["addonName"]: addon for addon in graph.all(ADDON)}
    assert addons["vpc-cni"].needs(pods["aws-node"])
    assert addons["aws-ebs-csi-driver"].needs(pods["ebs-csi-controller-sa"])


def test_admins_and_viewers_are_let_in_by_name_before_anything_is_put_into_the_cluster() -> None:
    graph = recorded(viewers={"auditor": "arn:aws:iam::123456789012:role/auditor"})
    policies = {
        found.name: found.inputs["policyArn"].rsplit("/", 1)[-1]
        for found in graph.all("aws:eks/accessPolicyAssociation:AccessPolicyAssociation")
    }
    assert policies == {"ml-deployer": "AmazonEKSClusterAdminPolicy", "ml-auditor": "AmazonEKSViewPolicy"}
    storage = graph.one("kubernetes:storage.k8s.io/v1:StorageClass")
    admin = graph.one("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "ml-deployer")
    assert provider_of(graph).needs(admin)
    assert provider_of(graph).needs(graph.one(NODES)), "what is put into the cluster waits for pods"
    assert all(provider_of(graph).needs(addon) for addon in graph.all(ADDON))
    assert admin.needs(graph.one("aws:eks/accessEntry:AccessEntry", "ml-deployer"))
    assert storage.provider == provider_of(graph)


def provider_of(graph: Graph) -> Resource:
    return graph.one("pulumi:providers:kubernetes")


def test_objects_belong_to_the_cluster_by_its_arn_so_that_another_way_to_it_replaces_none() -> None:
    inputs = provider_of(recorded()).inputs
    assert inputs["clusterIdentifier"] == "<arn of Cluster ml>"
    assert inputs["enableServerSideApply"] in {True, "true"}
    kubeconfig = json.loads(inputs["kubeconfig"])
    assert kubeconfig["clusters"][0]["cluster"]["server"] == "<endpoint of Cluster ml>"
    assert "token" not in kubeconfig["users"][0]["user"], "no credentials stand in the state"
    assert provider_of(recorded(kubeconfig="through: a tunnel")).inputs["kubeconfig"] == "through: a tunnel"


def test_a_volume_is_encrypted_gp3_unless_its_claim_says_otherwise() -> None:
    graph = recorded()
    storage = graph.one("kubernetes:storage.k8s.io/v1:StorageClass")
    assert storage.inputs["parameters"] == {"type": "gp3", "encrypted": "true"}
    assert storage.inputs["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    (driver,) = [addon for addon in graph.all(ADDON) if addon.inputs["addonName"] == "aws-ebs-csi-driver"]
    assert storage.needs(driver)
    assert storage.deleted_with is None, "a protected cluster does not go"
    going = recorded(deletion_protection=False)
    assert going.one("kubernetes:storage.k8s.io/v1:StorageClass").deleted_with == going.one(CLUSTER)
    assert not going.one(CLUSTER).protect


def test_an_addon_without_a_version_has_the_default_one_of_the_clusters_version() -> None:
    def default(arguments: dict[str, Any]) -> dict[str, Any]:
        return {"version": f"v{arguments['kubernetesVersion']}.0-eksbuild.1"}

    pins = {name: version for name, version in PINS.items() if name != "kube-proxy"}
    graph = record(program({**USUAL, "addon_versions": pins}), invokes={**CALLER, "aws:eks/getAddonVersion:getAddonVersion": default})
    versions = {addon.inputs["addonName"]: addon.inputs["addonVersion"] for addon in graph.all(ADDON)}
    assert versions == {**PINS, "kube-proxy": "v1.34.0-eksbuild.1"}


def test_its_outputs_are_those_of_the_cluster_and_the_role_of_its_nodes() -> None:
    group = {"vpcConfig": {"subnetIds": ["subnet-3", "subnet-4"], "clusterSecurityGroupId": "sg-1"}}
    assert record(program(USUAL), invokes=CALLER, resources={CLUSTER: group}).outputs == {
        "cluster_name": "ml",
        "cluster_arn": "<arn of Cluster ml>",
        "endpoint": "<endpoint of Cluster ml>",
        "certificate_authority": "<certificateAuthority.data of Cluster ml>",
        "version": "1.34",
        "security_group_id": "sg-1",
        "node_role_name": "<name of Role ml-node>",
        "node_role_arn": "<arn of Role ml-node>",
        "key_arn": "<arn of Key ml-secrets>",
    }


def test_what_a_cluster_needs_to_be_read_is_kept_as_long_as_it_must_be() -> None:
    key = recorded().one("aws:kms/key:Key")
    assert (key.protect, key.retain_on_delete) == (True, True)
    key = recorded(deletion_protection=False).one("aws:kms/key:Key")
    assert (bool(key.protect), bool(key.retain_on_delete)) == (False, False)


def test_a_key_of_ones_own_is_taken_and_none_is_made() -> None:
    own = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    graph = recorded(key_arn=own)
    assert graph.outputs["key_arn"] == own
    assert not graph.all("aws:kms/key:Key")


def test_everything_stands_in_the_component_and_what_can_have_tags_has_all_of_them() -> None:
    graph = recorded()
    made = [found for found in graph.resources if found.type != "mlgate:index:Cluster" and not found.type.startswith("pulumi:pulumi")]
    assert {found.parent for found in made} == {graph.one("mlgate:index:Cluster")}
    tagged = [found.inputs["tags"] for found in graph.resources if "tags" in found.inputs]
    assert len(tagged) > 10
    assert all({**TAGS, "managed-by": "mlgate"}.items() <= tags.items() for tags in tagged)


@pytest.mark.parametrize(
    ("args", "path", "said"),
    [
        ({"cluster_name": ""}, "cluster_name", "1 to 100"),
        ({"cluster_name": "m" * 101}, "cluster_name", "1 to 100"),
        ({"cluster_name": "-ml"}, "cluster_name", "no sign first"),
        ({"version": "1.34.2"}, "version", "a minor version"),
        ({"version": 1.34}, "version", "input should be a valid string"),
        ({"version": "latest"}, "version", "a minor version"),
        ({"public_from": []}, "public_from", "leave it out"),
        ({"public_from": ["0.0.0.0/0"]}, "public_from[0]", "this is everybody"),
        ({"public_from": ["::/0"]}, "public_from[0]", "this is everybody"),
        ({"public_from": ["198.51.100.1/24"]}, "public_from[0]", "has host bits set"),
        ({"admins": {}}, "admins", "the role that this program runs by"),
        ({"admins": {"me": "arn:aws:iam::123456789012:user/me"}}, "admins.me", "an ARN such as"),
        ({"admins": {"all": "*"}}, "admins.all", "an ARN such as"),
        ({"viewers": {"deployer": f"{ADMIN}2"}}, "viewers.deployer", "each name once"),
        ({"viewers": {"same": ADMIN}}, "viewers.same", "each role once"),
        ({"key_arn": "alias/mine"}, "key_arn", "an ARN such as arn:aws:kms"),
        ({"log_days": 4}, "log_days", "CloudWatch Logs keeps for 1, 3, 5"),
        ({"network": {**USUAL["network"], "intra_subnet_ids": ["subnet-3"]}}, "network.intra_subnet_ids", "2 or more"),
        ({"network": {**USUAL["network"], "private_subnet_ids": []}}, "network.private_subnet_ids", "2 or more"),
        ({"nodes": {"instance_types": []}}, "nodes.instance_types", "at least one type"),
        ({"nodes": {"instance_types": ["m7i.large"], "min": 1}}, "nodes.min", "2 or more"),
        ({"nodes": {"instance_types": ["m7i.large"], "min": 5, "max": 4}}, "nodes.max", "5 or more, which is nodes.min"),
        ({"nodes": {"instance_types": ["m7i.large"], "disk_gib": 8}}, "nodes.disk_gib", "20 GiB or more"),
        ({"nodes": {"instance_types": ["m7i.large"], "image": "ubuntu"}}, "nodes.image", "one of al2023, bottlerocket"),
        ({"addon_versions": {**PINS, "core-dns": "v1.2.3-eksbuild.4"}}, "addon_versions.core-dns", "did you mean coredns?"),
        ({"addon_versions": {**PINS, "coredns": "latest"}}, "addon_versions.coredns", "a version of EKS's"),
        ({"pinned": True}, "nodes.release", "pin the image"),
        ({"deletion_protected": False}, "deletion_protected", "did you mean deletion_protection?"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path_before_anything_is_made(args: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(**args)
    assert [(problem.where, said in problem.expected) for problem in refused.value.problems] == [(path, True)]


def test_whoever_pins_is_told_of_everything_that_is_not_pinned() -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(pinned=True, addon_versions={"coredns": "v1.2.3-eksbuild.4"})
    others = {f"addon_versions.{name}" for name in ADDONS if name != "coredns"}
    assert {problem.where for problem in refused.value.problems} == {*others, "nodes.release"}


def test_a_name_that_its_roles_could_not_have_is_refused() -> None:
    with pytest.raises(ArgumentsError, match="37 at most"):
        record(lambda: Cluster("m" * 38, ClusterArgs(**USUAL)) and None)


def asked(binding: Callable[[], Any], when: str, **step: Any) -> Any:
    """What the hook answers when the engine asks it."""
    made: list[Any] = []
    record(lambda: made.append(binding()))
    (hook,) = getattr(made[0], when)
    assert hook.opts.on_dry_run, "a preview asks too"
    return hook.callback(ResourceHookArgs("urn", "ml", "ml", CLUSTER, **step))


def test_a_step_that_eks_would_refuse_is_refused_by_what_the_state_says() -> None:
    def step(before: dict[str, Any], after: dict[str, Any]) -> None:
        asked(lambda: judged_before_updates("Cluster", "ml"), "before_update", old_inputs=before, new_inputs=after)

    step({"version": "1.33"}, {"version": "1.34"})
    step({}, {"version": "1.34"})
    with pytest.raises(ArgumentsError) as refused:
        step({"version": "1.33"}, {"version": "1.35"})
    (problem,) = refused.value.problems
    assert (problem.where, problem.found) == ("version", "is 1.35, and the cluster has 1.33")


class Known:
    """An Output that needs no engine."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    async def future(self) -> str | None:
        return self._value


def reach(address: str | None) -> None:
    asyncio.run(asked(lambda: asked_before_the_first_object("ml", Known(address)), "before_create"))  # type: ignore[arg-type]


def test_nobody_is_asked_to_reach_an_endpoint_that_is_not_there_yet() -> None:
    reach(None)
    with pytest.raises(ArgumentsError) as refused:
        reach("https://127.0.0.1:1")
    (problem,) = refused.value.problems
    assert problem.where == "kubeconfig"
    assert "https://127.0.0.1:1 is not reached" in problem.found
    assert "come by a tunnel" in problem.expected


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("1.33", "1.33", ""),
        ("1.33", "1.34", ""),
        ("1.33", "1.35", "1.34 first"),
        ("1.33", "1.32", "EKS takes no version back"),
        ("1.9", "1.10", ""),
        ("1.33", "2.0", "1.34 first"),
    ],
)
def test_a_version_goes_up_one_minor_at_a_time(before: str, after: str, said: str) -> None:
    assert wrong_step(before, after).startswith(said) if not said else said in wrong_step(before, after)


@given(before=st.integers(20, 60), after=st.integers(20, 60))
def test_of_all_versions_only_the_same_and_the_next_are_taken(before: int, after: int) -> None:
    assert (wrong_step(f"1.{before}", f"1.{after}") == "") == (after - before in {0, 1})


def test_an_api_server_that_is_not_reached_is_told_with_the_reason_and_one_that_is_passes() -> None:
    async def ask() -> tuple[str, str]:
        listening = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        there = await unreached(f"https://127.0.0.1:{port}")
        listening.close()
        await listening.wait_closed()
        return there, await unreached(f"https://127.0.0.1:{port}")

    there, gone = asyncio.run(ask())
    assert there == ""
    assert "refused" in gone or "Connect call failed" in gone


def test_an_api_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_reach, "_PATIENCE_S", 0.01)
    monkeypatch.setattr(asyncio, "open_connection", lambda *_address: asyncio.sleep(60))
    assert asyncio.run(unreached("https://cluster.invalid")) == "no answer within 0.01 s"


def test_behind_a_proxy_nobody_here_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert asyncio.run(unreached("https://cluster.invalid")) == ""


def test_it_is_asked_before_the_first_object_unless_a_way_is_given() -> None:
    storage = "kubernetes:storage.k8s.io/v1:StorageClass"
    assert recorded().one(storage).hooks == {"before_create": ("Cluster-ml-reached",)}
    assert not recorded(kubeconfig="through: a tunnel").one(storage).hooks


def test_a_cluster_that_is_there_already_is_taken_as_it_is() -> None:
    names = {output: output for output in OUTPUTS}
    theirs = Cluster.existing(**names, kubernetes=None)  # type: ignore[arg-type]
    assert {output: getattr(theirs, output) for output in OUTPUTS} == names
