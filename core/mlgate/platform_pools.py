"""The pools of nodes with accelerators that an environment has. What no machine can be is said by the component that makes them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlgate.documents import Declared

__all__ = ["Capacity", "Floor", "GpuAmi", "Pool", "Reservation", "Share"]


class GpuAmi(Declared):
    """The image of nodes with accelerators: EKS's own at an exact version, or one of yours by its id."""

    family: Literal["bottlerocket", "al2023"] = Field(default="bottlerocket", description="its system")
    version: str | None = Field(default=None, description="the version of EKS's image for it")
    id: str | None = Field(default=None, pattern=r"^ami-[0-9a-f]+$", description="the id of an image of your own instead")
    architecture: Literal["amd64", "arm64"] = Field(default="amd64", description="of that image")


class Share(Declared):
    """How pods share an accelerator: one of both."""

    mig_profile: str | None = Field(default=None, description="cut into MIG instances of this profile, such as 1g.10gb")
    time_slices: int | None = Field(default=None, ge=2, le=48, description="so many pods take turns on each")


class Reservation(Declared):
    """A capacity reservation or Capacity Block that is there already."""

    id: str = Field(pattern=r"^cr-[0-9a-f]+$", description="its id")
    zone: str = Field(description="the availability zone it is in")
    instance_type: str = Field(description="the machine it is of")


class Capacity(Declared):
    """A way to come by machines."""

    buy: Literal["reservation", "block", "spot", "on-demand"] = Field(description="which one; none is ever bought here")
    reservations: list[Reservation] = Field(default=[], description="which ones, where it is one of these")


class Floor(Declared):
    """What the replicas on demand are reckoned from, those that serve while the replacement of lost spot nodes starts."""

    rate_per_s: float = Field(gt=0, description="requests per second that must be served meanwhile")
    replica_rate_per_s: float = Field(gt=0, description="requests per second that one replica serves, as measured")
    node_start_s: float = Field(gt=0, description="seconds from the order of a node until it is ready")
    image_pull_s: float = Field(ge=0, description="seconds that the pull of the server's image takes")
    model_start_s: float = Field(ge=0, description="seconds from the container's start until the model answers")


class Pool(Declared):
    """Nodes with accelerators."""

    accelerator: str = Field(description="such as l4 or h100")
    replicas: int = Field(ge=1, le=1000, description="how many pods it carries at most")
    count: int = Field(default=1, ge=1, le=16, description="how many accelerators a pod asks for")
    share: Share | None = Field(default=None, description="how pods share one")
    capacity: list[Capacity] = Field(min_length=1, description="ways to come by machines; the first one that gives any is taken")
    least_zones: int = Field(default=1, ge=1, description="in how many zones of the region a machine must be offered, to be taken")
    floor: Floor | None = Field(default=None, description="of a pool with spot: what stands on demand beside it")
    image_disk_gib: int = Field(default=200, ge=20, le=16_384, description="the disk that holds images, in GiB")
