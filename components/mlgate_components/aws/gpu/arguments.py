"""What a pool of GPUs is told."""

import enum
from typing import NotRequired, TypedDict

import pulumi

from mlgate_components.aws.tags import Tags

__all__ = [
    "Accelerator",
    "Ami",
    "AmiFamily",
    "Architecture",
    "Buy",
    "Capacity",
    "Disruption",
    "GpuNodePoolArgs",
    "OnDemandFloor",
    "Placement",
    "PoolCluster",
    "PoolNetwork",
    "Reservation",
    "Share",
]


class Accelerator(enum.Enum):
    """A GPU, by its name in the catalogue; NVIDIA's A100 is two."""

    T4 = "t4"
    A10G = "a10g"
    L4 = "l4"
    L40S = "l40s"
    A100_40G = "a100-40g"
    A100_80G = "a100-80g"
    H100 = "h100"
    H200 = "h200"
    B200 = "b200"


class Buy(enum.Enum):
    """A way to come by machines."""

    RESERVATION = "reservation"
    BLOCK = "block"
    SPOT = "spot"
    ON_DEMAND = "on-demand"


class Placement(enum.Enum):
    """Where machines stand to each other: as it comes, or in one cluster placement group, near to each other in one zone."""

    ANY = "any"
    CLUSTER = "cluster"


class AmiFamily(enum.Enum):
    """The system of the nodes: Bottlerocket, which brings the device plugin, or Amazon Linux 2023, which does not."""

    BOTTLEROCKET = "bottlerocket"
    AL2023 = "al2023"


class Architecture(enum.Enum):
    """Of an image. No accelerator of a pool stands on an arm64 machine yet, so ARM64 is always refused."""

    AMD64 = "amd64"
    ARM64 = "arm64"


class Ami(TypedDict):
    """The image of the nodes, by the version of EKS's own or by the id of one of yours."""

    family: AmiFamily
    """Its system; Bottlerocket where GPUs are shared, since its own device plugin and MIG are set by user data."""
    version: NotRequired[str]
    """Of EKS's image with NVIDIA's drivers, exactly: 1.46.0 of Bottlerocket, v20240807 of AL2023. `latest` is refused if `pinned`."""
    id: NotRequired[str]
    """Of an image of your own, ami-..., instead of `version`."""
    architecture: NotRequired[Architecture]
    """Of that image; amd64 unless said."""


class Share(TypedDict):
    """How pods share a GPU: one of both."""

    mig_profile: NotRequired[str]
    """All GPUs are cut into MIG instances of this profile, such as 1g.5gb, with memory and faults apart."""
    time_slices: NotRequired[int]
    """So many pods, 2 or more, take turns on each GPU; nothing keeps their memory or faults apart."""


class Reservation(TypedDict):
    """A capacity reservation or Capacity Block that is there already: none is ever bought here."""

    id: str
    """Its id, cr-..."""
    zone: str
    """The availability zone it is in."""
    instance_type: str
    """The machine it is of."""


class Capacity(TypedDict):
    """A way to come by machines."""

    buy: Buy
    """Which one."""
    reservations: NotRequired[list[Reservation]]
    """The reservations or blocks, where it is one of these."""


class OnDemandFloor(TypedDict):
    """What the number of replicas on demand is reckoned from: those that a rate needs while the replacement of lost spot nodes starts."""

    rate_per_s: float
    """Requests per second that must be served meanwhile."""
    replica_rate_per_s: float
    """Requests per second that one replica serves within its objective, as measured."""
    node_start_s: float
    """Seconds from the order of a node until it is ready."""
    image_pull_s: float
    """Seconds that the pull of the server's image takes."""
    model_start_s: float
    """Seconds from the container's start until the model answers."""


class Disruption(TypedDict):
    """When Karpenter may take nodes away by itself."""

    idle_s: NotRequired[int]
    """Seconds that a node stands empty before it goes; 300 unless said."""
    move_pods: NotRequired[bool]
    """Whether pods may also be moved so that fewer or cheaper nodes do; not unless said, since each move is a model's start."""
    nodes_at_once: NotRequired[int]
    """So many nodes at a time, whatever the reason but age; 1 unless said."""
    expire_after_h: NotRequired[int]
    """Hours after which a node is drained for its age, however many others are; 720 unless said."""
    drain_s: NotRequired[int]
    """Seconds that the pods of a node have to end before they are killed; 1800 unless said."""


class PoolCluster(TypedDict):
    """The cluster that the nodes join: the outputs of Cluster of these names."""

    cluster_name: pulumi.Input[str]
    """Its name."""
    endpoint: pulumi.Input[str]
    """The URL of its API server."""
    certificate_authority: pulumi.Input[str]
    """The certificate of its API server's authority, base64."""
    version: pulumi.Input[str]
    """Its Kubernetes version, such as 1.35."""
    security_group_id: pulumi.Input[str]
    """The group of its nodes."""
    node_role_name: pulumi.Input[str]
    """The role of its nodes by its name, for Karpenter."""
    node_role_arn: pulumi.Input[str]
    """The role of its nodes, for managed node groups."""
    service_cidr: NotRequired[pulumi.Input[str]]
    """The addresses of its Services; not told unless said, and nodes of a fixed group on AL2023 must be."""


class PoolNetwork(TypedDict):
    """The network that the nodes stand in: zones, and the outputs of Network of these names."""

    zones: list[str]
    """The availability zones by name."""
    private_subnet_ids: pulumi.Input[list[str]]
    """Its private subnets, in the order of the zones."""


class GpuNodePoolArgs(TypedDict):
    """What a pool of GPUs is made of."""

    accelerator: Accelerator
    """The GPU."""
    replicas: int
    """Pods that the pool carries at most."""
    cluster: PoolCluster
    """The cluster that the nodes join."""
    network: PoolNetwork
    """The network that they stand in."""
    capacity: list[Capacity]
    """Ways to come by machines, the first one that gives any is taken. A floor is on demand besides."""
    ami: Ami
    """The image of the nodes."""
    tags: Tags
    """What every resource and every machine of it carries."""
    count: NotRequired[int]
    """GPUs that a pod asks for; 1 unless said."""
    share: NotRequired[Share]
    """How pods share a GPU; not at all unless said. The pool is then of fixed size."""
    floor: NotRequired[OnDemandFloor]
    """Of a pool with spot: what its replicas on demand, on a node group of fixed size, are reckoned from; there are none unless said."""
    zones: NotRequired[list[str]]
    """Those of the network that the pool stands in; all unless said."""
    least_zones: NotRequired[int]
    """Zones of the region in which a machine must be offered, to be taken; 1 unless said."""
    efa: NotRequired[bool]
    """Whether machines must have Elastic Fabric Adapters; not unless said."""
    placement: NotRequired[Placement]
    """Where machines stand to each other; as it comes unless said."""
    pinned: NotRequired[bool]
    """Whether an image that moves by itself is refused; so unless said."""
    image_disk_gib: NotRequired[int]
    """The disk that holds images and scratch space, in GiB, gp3 and encrypted; 200 unless said."""
    disk_key_arn: NotRequired[pulumi.Input[str]]
    """The KMS key of the disks; AWS's own of the account unless said."""
    labels: NotRequired[dict[str, str]]
    """Labels of your own on the nodes; none unless said."""
    disruption: NotRequired[Disruption]
    """When Karpenter may take nodes away by itself; as each of its parts says, unless said."""
    check_quota: NotRequired[bool]
    """Whether a preview asks Service Quotas if the vCPUs are allowed, and fails if not; not unless said."""
