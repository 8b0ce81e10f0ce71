"""Machines for a pool of GPUs: those that fit, a reason for each other one, and the nearest where none does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate.accelerators import accelerators, instance_type, instance_types, mig_profiles, regions, vcpu_quota, zones_offering
from mlgate.gpu_types import Fit, Wanted, fit, pods_per_machine

ALL_PROFILES = sorted({profile for name in accelerators() for profile in mig_profiles(name)})
WAYS = ("reservation", "block", "spot", "on-demand")
WANTED = st.builds(
    Wanted,
    accelerator=st.sampled_from(accelerators()),
    region=st.sampled_from([*regions(), "mx-central-1"]),
    count=st.integers(0, 17),
    mig_profile=st.none() | st.sampled_from(ALL_PROFILES),
    capacity=st.lists(st.sampled_from(WAYS), min_size=1, unique=True).map(tuple),
    zones=st.integers(1, 7),
    efa=st.booleans(),
    architecture=st.sampled_from(["amd64", "arm64"]),
)


def found(accelerator: str, region: str = "us-east-1", **more: Any) -> Fit:
    return fit(Wanted(accelerator, region, **more))


def names(fitting: Fit) -> list[str]:
    return [kind.name for kind in fitting.machines]


def problems(fitting: Fit) -> dict[str, str]:
    return {problem.where: problem.expected for problem in fitting.problems}


def test_machines_come_cheapest_for_each_pod_first() -> None:
    assert names(found("l4", "eu-central-1"))[:3] == ["g6.xlarge", "g6.2xlarge", "g6.12xlarge"]
    assert names(found("l4", "eu-central-1", count=4)) == ["g6.12xlarge", "g6.24xlarge", "g6.48xlarge"]
    assert names(found("h200", "us-east-2")) == ["p5en.48xlarge", "p5e.48xlarge"], "what has no known price comes last"


def test_a_fraction_of_a_gpu_is_rejected_as_one() -> None:
    rejected = found("l4").rejected
    assert rejected["g6f.large"] == "has 0.125 of an l4, no whole one"
    assert rejected["gr6f.4xlarge"] == "has 0.5 of an l4, no whole one"


def test_the_two_a100s_are_not_taken_for_each_other() -> None:
    assert names(found("a100-40g")) == ["p4d.24xlarge"]
    assert names(found("a100-80g")) == ["p4de.24xlarge"]
    assert problems(found("a100"))["accelerator"].startswith("did you mean a100-40g or a100-80g?")


def test_the_arm_machine_is_no_t4() -> None:
    assert all(instance_type(name).architecture == "amd64" for name in names(found("t4")))
    assert found("t4").rejected["g5g.xlarge"] == "has t4g"
    assert names(found("t4g", architecture="arm64"))[0] == "g5g.xlarge"
    assert problems(found("t4g")) == {"ami.architecture": "machines with t4g are arm64"}


def test_one_h100_is_on_the_small_machine_and_on_the_large_one() -> None:
    assert set(names(found("h100"))) == {"p5.4xlarge", "p5.48xlarge"}
    assert names(found("h100", count=8)) == ["p5.48xlarge"]
    assert found("h100", count=2).rejected["p5.4xlarge"] == "has 1, which pods of 2 do not use up"


@pytest.mark.parametrize(
    ("wanted", "path", "nearest"),
    [
        ({"accelerator": "l4", "count": 3}, "count", "machines with l4 carry pods of 1, 2, 4 or 8"),
        ({"accelerator": "l4", "region": "eu-west-1"}, "network.zones", "eu-west-1 has a100-40g, a10g, t4, v100"),
        ({"accelerator": "t4", "region": "eu-central-1", "zones": 4}, "least_zones", "t4 is offered in 3 zones of eu-central-1"),
        ({"accelerator": "t4g", "architecture": "arm64", "efa": True}, "efa", "machines with t4g have none; of these some have: a100-40g"),
        ({"accelerator": "l4", "capacity": ("block",)}, "capacity", "machines with l4 are sold on-demand or spot"),
        ({"accelerator": "l4", "mig_profile": "1g.5gb"}, "share.mig_profile", "l4 cannot be partitioned, a100-40g, a100-80g"),
        ({"accelerator": "h100", "mig_profile": "1g.5gb"}, "share.mig_profile", "one of 1g.10gb, 1g.20gb, 2g.20gb"),
        ({"accelerator": "h100", "architecture": "arm64"}, "ami.architecture", "machines with h100 are amd64"),
    ],
)
def test_what_cannot_be_names_the_nearest_that_can(wanted: dict[str, Any], path: str, nearest: str) -> None:
    said = problems(found(**wanted))
    assert list(said) == [path]
    assert nearest in said[path]


def test_needs_that_no_machine_meets_together_name_what_to_give_up() -> None:
    said = problems(found("h100", "ap-northeast-2", zones=2, capacity=("spot",)))
    assert said == {"accelerator": "with another network.zones: p5.4xlarge; with another least_zones: p5.48xlarge"}


def test_all_that_is_impossible_is_told_at_once() -> None:
    said = problems(found("h100", "eu-central-1", count=3, architecture="arm64", mig_profile="9g.9gb"))
    assert set(said) == {"network.zones", "count", "ami.architecture", "share.mig_profile"}


def test_a_region_that_the_catalogue_does_not_know_is_not_taken_for_one_without_gpus() -> None:
    assert "mx-central-1" not in regions()
    assert names(found("l4", "mx-central-1")) == names(found("l4", "us-east-1"))


def test_pods_share_a_machine_as_they_are_told_to() -> None:
    large = instance_type("p4d.24xlarge")
    assert pods_per_machine(large, Wanted("a100-40g", "us-east-1", count=2)) == 4
    assert pods_per_machine(large, Wanted("a100-40g", "us-east-1", mig_profile="1g.5gb")) == 56
    assert pods_per_machine(large, Wanted("a100-40g", "us-east-1", time_slices=4)) == 32


@given(WANTED)
def test_every_machine_either_fits_all_that_is_asked_for_or_is_rejected_with_a_reason(wanted: Wanted) -> None:
    fitting = fit(wanted)
    assert {*names(fitting), *fitting.rejected} == {kind.name for kind in instance_types()}
    assert len(names(fitting)) + len(fitting.rejected) == len(instance_types())
    assert bool(fitting.problems) == (not fitting.machines)
    assert all(problem.found and problem.expected for problem in fitting.problems)
    for kind in fitting.machines:
        assert (kind.accelerator, kind.architecture) == (wanted.accelerator, wanted.architecture)
        assert kind.count >= 1
        assert kind.count % wanted.count == 0
        assert kind.efa_interfaces or not wanted.efa
        assert wanted.region == "mx-central-1" or zones_offering(kind)[wanted.region] >= wanted.zones
        assert wanted.mig_profile is None or wanted.mig_profile in mig_profiles(wanted.accelerator)
        assert pods_per_machine(kind, wanted) >= 1


@pytest.mark.parametrize("accelerator", accelerators())
def test_every_count_fits_or_names_those_that_do(accelerator: str) -> None:
    arm = {"architecture": "arm64"} if accelerator == "t4g" else {}
    for count in range(18):
        wanted = fit(Wanted(accelerator, "nowhere-1", count, **arm))
        if not wanted.machines:
            (problem,) = wanted.problems
            assert problem.where == "count"
            near = problem.expected.rpartition("pods of ")[2].replace(" or ", ", ").split(", ")
            assert all(fit(Wanted(accelerator, "nowhere-1", int(each), **arm)).machines for each in near)


@given(st.sampled_from([kind for kind in instance_types() if kind.count]))
def test_every_machine_is_counted_by_a_quota_on_demand(kind: Any) -> None:
    assert str(vcpu_quota(kind, "on-demand")).startswith("L-")
    assert (vcpu_quota(kind, "spot") is None) == kind.name.startswith("p6")


def test_a_gpu_is_cut_into_no_more_than_it_has() -> None:
    for name in accelerators():
        memory = max(kind.accelerator_memory_mib for kind in instance_types(name))
        for profile, number in mig_profiles(name).items():
            slices, _, gigabytes = profile.removesuffix("gb").partition("g.")
            assert int(slices) * number <= 7
            assert int(gigabytes) * number * 1000 <= memory * 1.1
