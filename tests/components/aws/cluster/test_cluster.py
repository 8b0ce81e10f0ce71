"""`Cluster`, recorded: what it is made of, in which order, and who is let in."""

from __future__ import annotations

import json
from typing import Any

from mlgate_components.aws import Cluster
from mlgate_testkit.record import record

from .clusters import ADDON, CALLER, CLUSTER, NODES, OUTPUTS, PINS, TAGS, USUAL, program, provider_of, recorded, statement


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
    assert control_plane.hooks["before_update"][0] == "Cluster-ml-version"


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
    made = {
        "vpcConfig": {"subnetIds": ["subnet-3", "subnet-4"], "clusterSecurityGroupId": "sg-1"},
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16"},
    }
    assert record(program(USUAL), invokes=CALLER, resources={CLUSTER: made}).outputs == {
        "cluster_name": "ml",
        "cluster_arn": "<arn of Cluster ml>",
        "endpoint": "<endpoint of Cluster ml>",
        "certificate_authority": "<certificateAuthority.data of Cluster ml>",
        "version": "1.34",
        "security_group_id": "sg-1",
        "service_cidr": "172.20.0.0/16",
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


def test_a_cluster_that_is_there_already_is_taken_as_it_is() -> None:
    names = {output: output for output in OUTPUTS}
    theirs = Cluster.existing(**names, kubernetes=None)  # type: ignore[arg-type]
    assert {output: getattr(theirs, output) for output in OUTPUTS} == names
