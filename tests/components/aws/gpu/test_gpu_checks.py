"""What cannot be a pool of GPUs is refused before anything is made, and all that can be is planned whole."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from mlgate.accelerators import mig_profiles
from mlgate.errors import Problem
from mlgate.gpu_types import pods_per_machine
from mlgate.platform import Platform
from mlgate.platform_machines import needs_karpenter
from mlgate.platform_pools import Pool
from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.gpu.arguments import Accelerator
from mlgate_components.aws.gpu.checks import planned
from mlgate_components.aws.gpu.plan import PoolPlan
from mlgate_components.aws.platform_args import PlatformArgs
from mlgate_testkit.record import record
from tests.stacks.platforms import values

from .pools import AL2023, BLOCK, FLOOR, LOCAL, USUAL, VIRGINIA, ZONES, refused


@pytest.mark.parametrize(
    ("args", "path", "said"),
    [
        ({"accelerator": "a100"}, "accelerator", "one of t4, a10g, l4"),
        ({"count": 3}, "count", "carry pods of 1, 2, 4 or 8"),
        ({"accelerator": "h100"}, "network.zones", "it is in eu-north-1, eu-west-2"),
        ({"share": {"mig_profile": "1g.5gb"}, "capacity": [{"buy": "spot"}]}, "share.mig_profile", "l4 cannot be partitioned"),
        ({"ami": {"family": "al2023", "id": "ami-1", "architecture": "arm64"}}, "ami.architecture", "machines with l4 are amd64"),
        ({"least_zones": 3, "zones": ZONES[:2]}, "zones", "3 or more, as least_zones says"),
        ({"accelerator": "a100-80g", "least_zones": 3}, "least_zones", "a100-80g is offered in 2 zones of eu-central-1"),
        ({"zones": [ZONES[0], ZONES[0]]}, "zones[1]", "each once"),
        ({"zones": ["eu-central-1d"]}, "zones[0]", "one of the network's"),
        ({"zones": []}, "zones", "one or more"),
        ({"placement": "cluster"}, "placement", "zones=['eu-central-1a']"),
        ({"replicas": 0}, "replicas", "1 or more"),
        ({"labels": {"team": "vision", "x.karpenter.sh/team": "vision"}}, "labels.x.karpenter.sh/team", "one outside of karpenter.sh"),
        ({"labels": {"mlgate/pool": "other"}}, "labels.mlgate/pool", "mlgate"),
        ({"image_disk_gib": 10}, "image_disk_gib", "20 or more"),
        ({"disruption": {"idle_s": 0}}, "disruption.idle_s", "1 or more"),
        ({"ami": {"family": "bottlerocket"}}, "ami", "neither version nor id"),
        ({"ami": {"family": "bottlerocket", "version": "1.46.0", "id": "ami-1"}}, "ami", "both version and id"),
        ({"ami": {"family": "bottlerocket", "version": "latest"}}, "ami.version", "or pinned=False"),
        ({"ami": {"family": "bottlerocket", "version": "1.46"}}, "ami.version", "such as '1.46.0'"),
        ({"ami": {"family": "al2023", "version": "1.46.0"}}, "ami.version", "such as 'v20240807'"),
        ({"ami": {"family": "al2023", "id": "latest"}}, "ami.id", "ami-..."),
        ({"ami": {"family": "al2023", "version": "v20240807"}, "floor": FLOOR}, "cluster.service_cidr", "AL2023's nodes"),
        ({"floor": FLOOR, "capacity": [{"buy": "on-demand"}]}, "floor", "no floor"),
        ({"floor": FLOOR, "replicas": 3}, "floor", "comes to 4 replicas, more than replicas=3"),
        ({"floor": {**FLOOR, "replica_rate_per_s": 0.0}}, "floor.replica_rate_per_s", "more than 0"),
        ({"floor": {**FLOOR, "image_pull_s": -1.0}}, "floor.image_pull_s", "0 or more"),
        ({"capacity": []}, "capacity", "is empty"),
        ({"capacity": [{"buy": "spot"}, {"buy": "spot"}]}, "capacity[1].buy", "each way once"),
        ({"capacity": [{"buy": "reservation"}]}, "capacity[0].reservations", "none is bought here"),
        ({"capacity": [{"buy": "spot", "reservations": [LOCAL]}]}, "capacity[0].reservations", "only a reservation or block is by id"),
        ({"share": {}, "capacity": [{"buy": "spot"}]}, "share", "one of mig_profile and time_slices"),
        ({"share": {"time_slices": 1}, "capacity": [{"buy": "spot"}]}, "share.time_slices", "2 or more"),
        ({"share": {"time_slices": 2}}, "capacity", "one: a shared pool is of fixed size"),
        (
            {"share": {"time_slices": 2}, "capacity": [{"buy": "reservation", "reservations": [LOCAL, LOCAL]}]},
            "capacity[0].reservations",
            "one",
        ),
        ({"network": {"zones": ["eu-central-1a"], "private_subnet_ids": ["subnet-1"]}}, "network.zones", "2 or more"),
        ({"share": {"time_slices": 2}, "count": 2, "capacity": [{"buy": "spot"}]}, "count", "a pod asks for one"),
        ({"share": {"time_slices": 2}, "efa": True, "capacity": [{"buy": "spot"}]}, "efa", "whole GPUs"),
        ({"share": {"time_slices": 2}, "capacity": [{"buy": "spot"}], "ami": AL2023}, "ami.family", "bottlerocket where GPUs are shared"),
        ({"acelerator": "l4"}, "acelerator", "did you mean accelerator?"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path_with_the_nearest_that_can(args: dict[str, Any], path: str, said: str) -> None:
    found = refused(**args)
    assert list(found) == [path]
    assert said in found[path]


@pytest.mark.parametrize(
    ("block", "path", "said"),
    [
        ({"zone": "us-east-1f"}, "zone", "a zone of the pool's subnets, us-east-1a, us-east-1b"),
        ({"id": "block-1"}, "id", "cr-..."),
        ({"instance_type": "p4d.24xlarge"}, "instance_type", "which has a100-40g"),
        ({"instance_type": "p9.large"}, "instance_type", "is no machine of the catalogue"),
    ],
)
def test_a_block_is_in_the_zone_of_the_subnets_and_of_a_machine_that_fits(block: dict[str, str], path: str, said: str) -> None:
    found = refused(accelerator="h100", network=VIRGINIA, capacity=[{"buy": "block", "reservations": [{**BLOCK, **block}]}])
    assert list(found) == [f"capacity[0].reservations[0].{path}"]
    assert said in next(iter(found.values()))


@pytest.mark.parametrize("name", ["", "GPU", "9lives", "gpu_pool", "g" * 49])
def test_a_name_that_kubernetes_would_refuse_is_refused(name: str) -> None:
    with pytest.raises(ArgumentsError, match="lower case letters") as caught:
        planned(name, USUAL)  # type: ignore[arg-type]
    assert [problem.where for problem in caught.value.problems] == ["name"]
    assert planned("g" * 48, USUAL).name == "g" * 48  # type: ignore[arg-type]


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = refused(
        accelerator="h100",
        count=3,
        replicas=0,
        capacity=[{"buy": "block", "reservations": [BLOCK]}],
        ami={"family": "bottlerocket", "version": "latest"},
        floor=FLOOR,
    )
    assert set(found) == {"network.zones", "count", "replicas", "capacity[0].reservations[0].zone", "ami.version", "floor"}
    assert set(refused(floor=FLOOR, ami=AL2023, image_disk_gib=1)) == {"cluster.service_cidr", "image_disk_gib"}


def test_an_image_that_moves_by_itself_is_taken_in_dev_and_refused_in_prod() -> None:
    def moving(name: str) -> PlatformArgs:
        said = values(name)
        said["pins"]["gpu_ami"]["version"] = "latest"
        return PlatformArgs(name, Platform.model_validate(said), None)

    record(lambda: moving("dev").require_possible())
    with pytest.raises(ArgumentsError) as caught:
        record(lambda: moving("prod").require_possible())
    assert [problem.where for problem in caught.value.problems] == ["pools.l4: ami.version"]


@pytest.mark.parametrize(
    ("pool", "starts"),
    [
        ({}, True),
        ({"replicas": 4, "floor": FLOOR}, False),
        ({"replicas": 5, "floor": FLOOR}, True),
        ({"replicas": 4, "floor": {**FLOOR, "node_start_s": 1.0, "image_pull_s": 1.0}}, True),
        ({"share": {"time_slices": 2}}, False),
        ({"share": {"time_slices": 2}, "floor": FLOOR}, False),
    ],
)
def test_an_environment_says_that_a_pool_needs_karpenter_where_there_are_node_pools_for_it(pool: dict[str, Any], starts: bool) -> None:
    wanted = {"accelerator": "l4", "replicas": 8, "capacity": [{"buy": "spot"}], **pool}
    assert bool(planned("gpu", {**USUAL, **wanted}).ranks) is starts  # type: ignore[typeddict-item]
    assert needs_karpenter(Pool.model_validate(wanted)) is starts


def test_subnets_that_do_not_go_with_the_zones_are_refused_by_their_path_known_at_once_or_later() -> None:
    said = {"network.private_subnet_ids": f"are 1: one for each of {', '.join(ZONES)}, in that order"}
    assert refused(network={"zones": ZONES, "private_subnet_ids": ["subnet-1"]}) == said

    def pool() -> None:
        import pulumi
        import pulumi_kubernetes as kubernetes

        from mlgate_components.aws import GpuNodePool

        later = {"zones": ZONES, "private_subnet_ids": pulumi.Output.from_input(["subnet-1"])}
        provider = kubernetes.Provider("eks", kubeconfig="{}")
        GpuNodePool("gpu", {**USUAL, "network": later}, pulumi.ResourceOptions(providers=[provider]))  # type: ignore[typeddict-item]

    with pytest.raises(ArgumentsError) as caught:
        record(pool)
    assert [f"{problem.found}: {problem.expected}" for problem in caught.value.problems] == list(said.values())


def either(args: Any) -> PoolPlan | list[Problem]:
    """What the arguments come to, or all that is wrong with them."""
    try:
        return planned("gpu", args)
    except ArgumentsError as error:
        return error.problems


@pytest.mark.parametrize("accelerator", Accelerator, ids=lambda member: member.value)
def test_every_accelerator_count_and_share_is_either_planned_whole_or_refused_with_a_way_out(accelerator: Accelerator) -> None:
    shares: list[dict[str, Any]] = [{}, {"time_slices": 3}, {"mig_profile": "1g.6gb"}]
    shares += [{"mig_profile": profile} for profile in mig_profiles(accelerator.value)]
    plans = 0
    for count, share, replicas in itertools.product((1, 2, 3, 5, 8), shares, (1, 9)):
        shared = {"share": share, "capacity": [{"buy": "spot"}]} if share else {}
        floor = {"floor": FLOOR} if replicas > 1 else {}
        args = {**USUAL, "network": VIRGINIA, "accelerator": accelerator, "count": count, "replicas": replicas, **shared, **floor}
        plan = either(args)
        if not isinstance(plan, PoolPlan):
            assert {problem.where for problem in plan} <= {"count", "share.mig_profile"}
            assert all(problem.expected for problem in plan)
            continue
        plans += 1
        carried = sum(group.machines.number * group.machines.pods_each for group in plan.groups) + plan.karpenter_replicas
        assert carried >= replicas
        assert bool(plan.karpenter_replicas) == bool(plan.ranks)
        assert not (share and plan.ranks), "Karpenter does not understand shared GPUs"
        assert all(group.machines.pods_each == pods_per_machine(group.machines.kind, plan.wanted) for group in plan.groups)
        assert all(kind.count % count == 0 for kind in plan.found.machines)
    assert plans >= 4, "whole ones and time slices at least, of one GPU each"
