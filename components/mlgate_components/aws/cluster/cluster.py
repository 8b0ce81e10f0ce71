"""`Cluster`: EKS with a private endpoint, what runs on every node, and the nodes that its own services stand on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from mlgate_components.aws.cluster.arguments import LOGS_KEPT_DAYS, ClusterArgs, check_cluster
from mlgate_components.aws.cluster.eks_addon import create_addon
from mlgate_components.aws.cluster.entries import ADMIN, VIEWER, admit, create_provider
from mlgate_components.aws.cluster.node_groups import create_system_nodes
from mlgate_components.aws.cluster.reach import Reach
from mlgate_components.aws.cluster.roles import NODE_POLICIES, create_pod_role, create_service_role
from mlgate_components.aws.cluster.version import judged_before_updates
from mlgate_components.aws.outputs import register_declared
from mlgate_components.aws.parts import Parts
from mlgate_components.aws.policies import account_root, policy_text
from mlgate_components.aws.storage.keys import DELETION_DAYS, administered
from mlgate_components.aws.tags import handed_on

__all__ = ["Cluster", "ExistingCluster"]

TYPE = "mlgate:index:Cluster"
_LOGS = ["api", "audit", "authenticator", "controllerManager", "scheduler"]


@dataclass(frozen=True, slots=True)
class ExistingCluster:
    """A cluster of your own, of which nothing is made or changed. `kubernetes` is the provider that reaches it."""

    cluster_name: pulumi.Input[str]
    cluster_arn: pulumi.Input[str]
    endpoint: pulumi.Input[str]
    certificate_authority: pulumi.Input[str]
    version: pulumi.Input[str]
    security_group_id: pulumi.Input[str]
    service_cidr: pulumi.Input[str]
    node_role_name: pulumi.Input[str]
    node_role_arn: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    kubernetes: "kubernetes.Provider"


class Cluster(pulumi.ComponentResource):
    """An EKS cluster that is reached from inside of its network, whose Secrets have a key of their own and whose pods have roles."""

    cluster_name: pulumi.Output[str]
    """Its name."""
    cluster_arn: pulumi.Output[str]
    """Its ARN."""
    endpoint: pulumi.Output[str]
    """The address of its API server."""
    certificate_authority: pulumi.Output[str]
    """The certificate of its API server's authority, PEM in base64."""
    version: pulumi.Output[str]
    """The minor version of its control plane."""
    security_group_id: pulumi.Output[str]
    """The security group of its control plane and nodes."""
    service_cidr: pulumi.Output[str]
    """The addresses of its Services, which EKS chooses."""
    node_role_name: pulumi.Output[str]
    """The role of its nodes, by name, for those that Karpenter starts as well."""
    node_role_arn: pulumi.Output[str]
    """The role of its nodes."""
    key_arn: pulumi.Output[str]
    """The key of its Secrets."""

    existing = ExistingCluster

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        check_cluster(name, args)
        super().__init__(TYPE, name, None, opts)
        self._parts = Parts(name, args["tags"], self)
        self._args = args
        self._protected = args.get("deletion_protection", True)
        # Only who goes by the endpoint itself can be told that it is not reached.
        self._reach = Reach(name, private=args.get("public_from") is None) if args.get("kubeconfig") is None else None
        own = args.get("key_arn")
        self.key_arn = self._create_key() if own is None else pulumi.Output.from_input(own)
        self._cluster = self._create_cluster()
        admitted = admit(self._parts, self._cluster.name, args["admins"], ADMIN)
        admit(self._parts, self._cluster.name, args.get("viewers", {}), VIEWER)
        self._node_role = self._create_nodes()
        self.kubernetes = create_provider(self._parts, self._cluster, args.get("kubeconfig"), [*admitted, self._names, self._volumes])
        self.storage_class = self._create_storage()
        self.cluster_name, self.cluster_arn = self._cluster.name, self._cluster.arn
        self.endpoint = self._cluster.endpoint if self._reach is None else self._reach.in_previews(self._cluster.endpoint)
        self.version = self._cluster.version
        self.certificate_authority = self._cluster.certificate_authority.data
        self.security_group_id = self._cluster.vpc_config.cluster_security_group_id
        self.service_cidr = self._cluster.kubernetes_network_config.service_ipv4_cidr
        self.node_role_name, self.node_role_arn = self._node_role.name, self._node_role.arn
        register_declared(self)

    def _create_key(self) -> pulumi.Output[str]:
        """It is kept as long as the cluster must be, and no longer. EKS gets at it by a grant, which whoever makes the cluster gives.

        EKS user guide, "Encrypt Kubernetes secrets with KMS on existing clusters": CreateGrant with no condition on what it is for.
        """
        root = account_root(self)
        granted = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": ["kms:CreateGrant", "kms:DescribeKey"], "Resource": "*"}
        key = aws.kms.Key(
            self._parts.called("secrets"),
            description=f"Secrets of the cluster {self._args['cluster_name']}",
            policy=policy_text(administered(root), {"Sid": "GrantToEks", **granted}),
            enable_key_rotation=True,
            deletion_window_in_days=self._args.get("deletion_days", DELETION_DAYS),
            tags=self._parts.tagged("secrets"),
            opts=self._parts.opts(kept=self._protected),
        )
        arn: pulumi.Output[str] = key.arn
        return arn

    def _create_cluster(self) -> "aws.eks.Cluster":
        called, public = self._args["cluster_name"], self._args.get("public_from")
        role, granted = create_service_role(
            self._parts, "cluster", f"control plane of {called}", "eks.amazonaws.com", ["AmazonEKSClusterPolicy"]
        )
        # EKS would make the group itself, to be kept for ever and left behind.
        logs = aws.cloudwatch.LogGroup(
            self._parts.called("control-plane"),
            name=f"/aws/eks/{called}/cluster",
            retention_in_days=self._args.get("log_days", LOGS_KEPT_DAYS),
            tags=self._parts.tagged("control-plane"),
            opts=self._parts.opts(),
        )
        return aws.eks.Cluster(
            self._parts.called(),
            name=called,
            version=self._args["version"],
            role_arn=role.arn,
            vpc_config={
                "subnet_ids": self._args["network"]["intra_subnet_ids"],
                "endpoint_private_access": True,
                "endpoint_public_access": public is not None,
                **({"public_access_cidrs": public} if public else {}),
            },
            access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": False},
            bootstrap_self_managed_addons=False,
            encryption_config={"provider": {"key_arn": self.key_arn}, "resources": ["secrets"]},
            enabled_cluster_log_types=_LOGS,
            deletion_protection=self._protected,
            tags=self._parts.tagged(),
            # EKS would refuse to delete it for a replacement as well, but only once nodes and add-ons are gone; Pulumi does in the preview.
            opts=pulumi.ResourceOptions.merge(
                self._parts.opts(logs, *granted),
                pulumi.ResourceOptions(
                    hooks=pulumi.ResourceHookBinding.merge(
                        judged_before_updates("Cluster", self._parts.name), self._reach.on_cluster() if self._reach else None
                    ),
                    protect=self._protected or None,
                ),
            ),
        )

    def _create_nodes(self) -> "aws.iam.Role":
        """What runs on every node is there before the first one; what runs on some comes after, since it is not well without."""
        role, granted = create_service_role(
            self._parts, "node", f"nodes of {self._args['cluster_name']}", "ec2.amazonaws.com", NODE_POLICIES
        )
        network = self._create_pod_role("vpc-cni", "aws-node", "AmazonEKS_CNI_Policy")
        everywhere = [
            self._create_addon("eks-pod-identity-agent"),
            self._create_addon("vpc-cni", network, values={"enableNetworkPolicy": "true"}),
            self._create_addon("kube-proxy"),
        ]
        self.nodes = create_system_nodes(
            self._parts,
            self._args["nodes"],
            cluster_name=self._cluster.name,
            version=self._cluster.version,
            role_arn=role.arn,
            subnet_ids=self._args["network"]["private_subnet_ids"],
            after=[*granted, *everywhere],
        )
        volumes = self._create_pod_role("aws-ebs-csi-driver", "ebs-csi-controller-sa", "service-role/AmazonEBSCSIDriverPolicy")
        self._names = self._create_addon("coredns", self.nodes)
        # A value of the driver's chart, which EKS's add-on takes too (aws eks describe-addon-configuration).
        tagged = {"controller": {"extraVolumeTags": handed_on(self._args["tags"])}}
        self._volumes = self._create_addon("aws-ebs-csi-driver", self.nodes, volumes, values=tagged)
        return role

    def _create_pod_role(self, addon: str, service_account: str, policy: str) -> "aws.eks.PodIdentityAssociation":
        return create_pod_role(
            self._parts,
            addon,
            cluster_name=self._cluster.name,
            cluster_arn=self._cluster.arn,
            namespace="kube-system",
            service_account=service_account,
            policies=[policy],
        )

    def _create_addon(self, name: str, *after: pulumi.Resource, values: Mapping[str, Any] | None = None) -> "aws.eks.Addon":
        return create_addon(
            self._parts,
            name,
            cluster_name=self._cluster.name,
            # What the program says, not what the cluster says: a lookup that waited for the cluster would be unknown in a preview. The
            # add-on itself waits, by the cluster's name.
            kubernetes_version=self._args["version"],
            version=self._args.get("addon_versions", {}).get(name),
            values=values,
            after=after,
        )

    def _create_storage(self) -> "kubernetes.storage.v1.StorageClass":
        """What a volume claim gets that asks for nothing else. It owns no volume, so it goes with a cluster that may go.

        Of one that is protected a `destroy` would forget it at once, and fail to delete the cluster after.
        """
        return kubernetes.storage.v1.StorageClass(
            self._parts.called("gp3"),
            metadata={"name": "gp3", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            provisioner="ebs.csi.aws.com",
            parameters={"type": "gp3", "encrypted": "true"},
            volume_binding_mode="WaitForFirstConsumer",
            allow_volume_expansion=True,
            opts=pulumi.ResourceOptions.merge(
                self._parts.opts(self._volumes),
                pulumi.ResourceOptions(
                    provider=self.kubernetes,
                    deleted_with=None if self._protected else self._cluster,
                    hooks=self._reach.on_first_object(self._cluster.endpoint) if self._reach else None,
                ),
            ),
        )
