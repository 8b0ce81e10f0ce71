"""Everything that is wrong with the arguments of a pool, told at once and before anything is made; or the plan that they come to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlgate.capacity import Floor, machines_for, ranks
from mlgate.gpu_types import Fit, Wanted, fit, is_sold, pods_per_machine
from mlgate.regions import region_of, wrong_zones
from mlgate_components.arguments import Wrong, check
from mlgate_components.aws.gpu.arguments import Ami, GpuNodePoolArgs
from mlgate_components.aws.gpu.plan import RESERVED, Group, PoolPlan, value_of, wrong_subnets
from mlgate_components.aws.names import AUTOMATIC, check_once

__all__ = ["planned"]

_LONGEST_NAME = 63 - AUTOMATIC - len("-shared")  # EKS API reference, CreateNodegroup: 63 characters
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_AMI_ID = re.compile(r"ami-[0-9a-z]+")
_RESERVATION_ID = re.compile(r"cr-[0-9a-z]+")
# Karpenter 1.15.1, pkg/providers/amifamily: each family's own form of a version, and one such that Karpenter's tests and pages name.
_VERSIONS = {"bottlerocket": (re.compile(r"v?\d+\.\d+\.\d+"), "1.46.0"), "al2023": (re.compile(r"v\d{8}"), "v20240807")}
# Karpenter's definitions refuse labels of these domains, and kubelets do not give them to themselves; ours say what the pool is.
_RESERVED_DOMAINS = ("karpenter.sh", "karpenter.k8s.aws", "kubernetes.io", "k8s.io", "mlgate")
_LEAST_DISK_GIB = 20  # Karpenter's own default, which EKS's images need


def planned(name: str, args: GpuNodePoolArgs) -> PoolPlan:
    """Raises ArgumentsError with everything that is wrong."""
    wrong = Wrong("GpuNodePool", name)
    check(GpuNodePoolArgs, args, wrong)
    wrong.stop()
    for told in (*_numbers(name, args), *_images(args), *_shares(args)):
        wrong.add(*told)
    zones = _zones(args, wrong)
    ways = [value_of(way["buy"]) for way in args["capacity"]]
    floor = _floor(args, ways, wrong)
    wanted = _wanted(args, ways)
    found = fit(wanted)
    for problem in found.problems:
        wrong.add(problem.where, problem.found, problem.expected)
    for told in _capacity(args, ways, zones, found):
        wrong.add(*told)
    wrong.stop()
    groups = _groups(args, wanted, found, floor)
    rest = 0 if "share" in args else args["replicas"] - (floor.replicas if floor else 0)
    return PoolPlan(name, args, wanted, found, zones, floor, groups, rest, ranks(ways) if rest else [])


def _wanted(args: GpuNodePoolArgs, ways: Sequence[str]) -> Wanted:
    share = args.get("share", {})
    return Wanted(
        accelerator=value_of(args["accelerator"]),
        region=next(filter(None, map(region_of, args["network"]["zones"])), ""),
        count=args.get("count", 1),
        mig_profile=share.get("mig_profile"),
        time_slices=share.get("time_slices"),
        capacity=tuple(ways) or ("on-demand",),
        zones=args.get("least_zones", 1),
        efa=args.get("efa", False),
        architecture=value_of(args["ami"].get("architecture", "amd64")),
    )


_Found = tuple[str, str, str]


def _numbers(name: str, args: GpuNodePoolArgs) -> Iterator[_Found]:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        rule = f"lower case letters, digits and hyphens, a letter first, {_LONGEST_NAME} at most: Kubernetes objects are called so"
        yield "name", f"is {name!r}", rule
    for key in args.get("labels", {}):
        domain, slash, _ = key.partition("/")
        if slash and any(domain == each or domain.endswith(f".{each}") for each in _RESERVED_DOMAINS):
            yield f"labels.{key}", "is of a domain that is not yours", f"one outside of {', '.join(_RESERVED_DOMAINS)}"
    disruption: Mapping[str, Any] = args.get("disruption", {})
    least = {
        "replicas": (args["replicas"], 1),
        "least_zones": (args.get("least_zones", 1), 1),
        "image_disk_gib": (args.get("image_disk_gib", _LEAST_DISK_GIB), _LEAST_DISK_GIB),
        **{f"disruption.{key}": (value, 1) for key, value in disruption.items() if key != "move_pods"},
    }
    for path, (value, bound) in least.items():
        if value < bound:
            yield path, f"is {value}", f"{bound} or more"


def _images(args: GpuNodePoolArgs) -> Iterator[_Found]:
    ami: Ami = args["ami"]
    family = value_of(ami["family"])
    form, such = _VERSIONS[family]
    version, own = ami.get("version"), ami.get("id")
    if (version is None) == (own is None):
        yield "ami", "has both version and id" if own else "has neither version nor id", f"one of them, such as version {such!r}"
    if version == "latest" and args.get("pinned", True):
        yield "ami.version", "is 'latest', which moves by itself", f"an exact one such as {such!r}, or pinned=False"
    elif version not in {None, "latest"} and not form.fullmatch(str(version)):
        yield "ami.version", f"is {version!r}", f"a version of {family}, such as {such!r}"
    if own is not None and not _AMI_ID.fullmatch(own):
        yield "ami.id", f"is {own!r}", "the id of an image, ami-..."
    if "share" in args and family != "bottlerocket":
        yield "ami.family", f"is {family}", "bottlerocket where GPUs are shared: its own device plugin and MIG are set by user data"


def _shares(args: GpuNodePoolArgs) -> Iterator[_Found]:
    if "share" not in args:
        return
    share = args["share"]
    if len(share) != 1:
        yield "share", "is both" if share else "is neither", "one of mig_profile and time_slices; without share GPUs are whole"
    if share.get("time_slices", 2) < 2:
        yield "share.time_slices", f"is {share['time_slices']}", "2 or more"
    if args.get("count", 1) != 1:
        yield "count", f"is {args.get('count')}", "1 where GPUs are shared: a pod asks for one MIG instance or one time slice"
    if args.get("efa"):
        yield "efa", "is asked for beside share", "whole GPUs: those that are shared do not talk to others'"
    if len(args["capacity"]) > 1:
        yield "capacity", f"are {len(args['capacity'])} ways", "one: a shared pool is of fixed size, and Karpenter chooses nothing for it"


def _zones(args: GpuNodePoolArgs, wrong: Wrong) -> Sequence[str]:
    """Those that the pool stands in, in the order of the network's."""
    network = args["network"]["zones"]
    for index, found, expected in wrong_zones(network):
        wrong.add("network.zones" if index is None else f"network.zones[{index}]", found, expected)
    subnets = args["network"]["private_subnet_ids"]
    if isinstance(subnets, list | tuple) and (problem := wrong_subnets(network, subnets)):
        wrong.add(problem.where, problem.found, problem.expected)
    chosen = args.get("zones", network)
    for index, zone in enumerate(chosen):
        if zone not in network:
            wrong.add(f"zones[{index}]", f"is {zone!r}", f"one of the network's, {', '.join(network)}")
    check_once(args.get("zones", []), wrong, "zones")
    if not chosen:
        wrong.add("zones", "are none", f"one or more of the network's, {', '.join(network)}")
    if 0 < len(chosen) < args.get("least_zones", 1):
        wrong.add("zones", f"are {', '.join(chosen)}", f"{args.get('least_zones')} or more, as least_zones says")
    if value_of(args.get("placement", "any")) == "cluster" and len(chosen) > 1:
        wrong.add("placement", f"is cluster, over {', '.join(chosen)}", f"a cluster placement group is in one zone: zones={[chosen[0]]}")
    return [zone for zone in network if zone in chosen]


def _capacity(args: GpuNodePoolArgs, ways: Sequence[str], zones: Sequence[str], found: Fit) -> Iterator[_Found]:
    if not ways:
        yield "capacity", "is empty", "ways to come by machines, such as [{'buy': 'spot'}, {'buy': 'on-demand'}]"
    fitting = [kind.name for kind in found.machines]
    for index, way in enumerate(args["capacity"]):
        path, buy = f"capacity[{index}]", ways[index]
        if buy in ways[:index]:
            yield f"{path}.buy", f"is {buy} a second time", "each way once"
        if fitting and not any(is_sold(kind, buy) for kind in found.machines):
            sold = sorted({way for kind in found.machines for way in kind.sold_as})
            yield f"{path}.buy", f"is {buy}, and no machine that fits is sold so", f"leave it out: they are sold {', '.join(sold)}"
        reserved = way.get("reservations", [])
        if buy in RESERVED and not reserved:
            yield f"{path}.reservations", "are none", f"the {buy}s by id; none is bought here"
        if buy not in RESERVED and reserved:
            yield f"{path}.reservations", f"are given for {buy}", "none: only a reservation or block is by id"
        if len(reserved) > 1 and "share" in args:
            yield f"{path}.reservations", f"are {len(reserved)}", "one where GPUs are shared: a node group starts from one"
        for at, each in enumerate(reserved):
            place = f"{path}.reservations[{at}]"
            if not _RESERVATION_ID.fullmatch(each["id"]):
                yield f"{place}.id", f"is {each['id']!r}", "the id of a reservation or block, cr-..."
            if each["zone"] not in zones:
                yield f"{place}.zone", f"is {each['zone']!r}", f"a zone of the pool's subnets, {', '.join(zones)}: nodes start where it is"
            if fitting and each["instance_type"] not in fitting:
                reason = found.rejected.get(each["instance_type"], "is no machine of the catalogue")
                yield f"{place}.instance_type", f"is {each['instance_type']!r}, which {reason}", f"one of {', '.join(fitting)}"


def _floor(args: GpuNodePoolArgs, ways: Sequence[str], wrong: Wrong) -> Floor | None:
    if "floor" not in args:
        return None
    given: Mapping[str, Any] = {**args["floor"]}
    small = [key for key, value in given.items() if value < 0 or (value == 0 and key.endswith("rate_per_s"))]
    for key in small:
        wrong.add(f"floor.{key}", f"is {given[key]:g}", "more than 0" if key.endswith("rate_per_s") else "0 or more")
    if "spot" not in ways:
        wrong.add("floor", f"is given, and capacity is {', '.join(ways)}", "no floor: none of it is lost as spot is")
    if small:
        return None
    floor = Floor(**given)
    if floor.replicas > args["replicas"]:
        wrong.add(
            "floor", f"comes to {floor.replicas} replicas, more than replicas={args['replicas']}", f"replicas={floor.replicas} or more"
        )
    if floor.replicas and value_of(args["ami"]["family"]) == "al2023" and "service_cidr" not in args["cluster"]:
        wrong.add("cluster.service_cidr", "is missing", "AL2023's nodes of a fixed group must be told the addresses of the Services")
    return floor


def _groups(args: GpuNodePoolArgs, wanted: Wanted, found: Fit, floor: Floor | None) -> Sequence[Group]:
    """The floor on demand, and all the rest of a pool whose GPUs are shared."""
    kinds = [(kind, pods_per_machine(kind, wanted)) for kind in found.machines]
    least = floor.replicas if floor else 0
    groups = [Group("floor", "on-demand", machines_for(least, kinds), None)] if least else []
    if "share" in args and args["replicas"] > least:
        (way,) = args["capacity"]
        reserved = next(iter(way.get("reservations", [])), None)
        kinds = [(kind, pods) for kind, pods in kinds if reserved is None or kind.name == reserved["instance_type"]]
        groups.append(Group("shared", value_of(way["buy"]), machines_for(args["replicas"] - least, kinds), reserved))
    return groups
