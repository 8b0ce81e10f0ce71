"""The bill: what each resource costs, within which bounds, and that nothing which is not known is counted as nothing."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate import UsageError
from mlgate.bill import Bill, Line, Resource, Span, Usage, make_bill
from mlgate.prices import OWN_FILE, Price, PriceBook, price_book, project_book, unit_of

BOOK = price_book()
TODAY = datetime.date(2026, 11, 27)
HERE = "us-east-1"
UNKNOWN = object()  # whatever a program, a preview or a state puts where only the cloud knows
SIZES = {"minSize": 1, "desiredSize": 2, "maxSize": 3}
GROUP = "aws:eks/nodeGroup:NodeGroup"
POOL = "kubernetes:karpenter.sh/v1:NodePool"
TYPE_KEY, CAPACITY_KEY = "node.kubernetes.io/instance-type", "karpenter.sh/capacity-type"


def bill(*resources: Resource, region: str = HERE, book: PriceBook = BOOK, on: datetime.date = TODAY, usage: Usage | None = None) -> Bill:
    return make_bill(resources, region, book, on=on, usage=usage)


def lines(token: str, *others: Resource, usage: Mapping[str, int] | None = None, region: str = HERE, **inputs: Any) -> list[Line]:
    """The lines of one resource of that type, which is called x."""
    made = bill(Resource(token, "x", inputs), *others, usage={"x": usage} if usage else None, region=region)
    return [line for line in made.lines if line.name == "x"]


def cost(line: Line) -> tuple[float | None, ...]:
    return tuple(None if value is None else float(round(value, 4)) for value in line.cost.each())


def pool(types: Sequence[str], *, limits: Any = None, capacity: Sequence[str] = ("on-demand",), **spec: Any) -> Resource:
    requirements = [
        {"key": TYPE_KEY, "operator": "In", "values": list(types)},
        {"key": CAPACITY_KEY, "operator": "In", "values": list(capacity)},
    ]
    template = {"spec": {"requirements": requirements, "nodeClassRef": {"name": "gpus"}}}
    return Resource(POOL, "x", {"metadata": {"name": "x"}, "spec": {"template": template, "limits": limits, **spec}})


NODE_CLASS = Resource(
    "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass",
    "gpus-class",
    {"metadata": {"name": "gpus"}, "spec": {"blockDeviceMappings": [{"ebs": {"volumeSize": "100Gi", "volumeType": "gp3"}}]}},
)


@pytest.mark.parametrize(
    ("token", "inputs", "amounts"),
    [
        ("aws:ec2/natGateway:NatGateway", {}, [32.85, None]),
        ("aws:ec2/eip:Eip", {}, [3.65]),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "Interface", "subnetIds": ["a", "b", "c"]}, [21.9, None]),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "Interface", "subnetIds": UNKNOWN}, [None, None]),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", {"routeTableIds": ["a"]}, [0]),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "GatewayLoadBalancer"}, [None]),
        ("aws:eks/cluster:Cluster", {"version": "1.35"}, [73]),
        ("aws:eks/cluster:Cluster", {"version": "1.33"}, [438]),
        ("aws:eks/cluster:Cluster", {"version": "1.33", "upgradePolicy": {"supportType": "STANDARD"}}, [73]),
        ("aws:eks/cluster:Cluster", {}, [73]),
        ("aws:kms/key:Key", {}, [1, None]),
        ("aws:kms/replicaKey:ReplicaKey", {}, [1, None]),
        ("aws:secretsmanager/secret:Secret", {"replicas": [{"region": "eu-west-1"}]}, [0.8, None]),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", {}, [0.1]),
        ("aws:s3/bucket:Bucket", {}, [None, None, None]),
        ("aws:cloudwatch/logGroup:LogGroup", {}, [None, None]),
        ("aws:ecr/repository:Repository", {}, [None]),
        ("aws:sqs/queue:Queue", {}, [None]),
        ("aws:sns/topic:Topic", {}, [None]),
        ("aws:cloudtrail/trail:Trail", {}, [0]),
        ("aws:cloudtrail/trail:Trail", {"advancedEventSelectors": [{}]}, [None]),
        ("aws:budgets/budget:Budget", {}, [0]),
        ("aws:ec2/subnet:Subnet", {}, [0]),
        ("aws:ec2/flowLog:FlowLog", {}, [0]),
        ("aws:eks/accessEntry:AccessEntry", {}, [0]),
        ("aws:rds/instance:Instance", {}, [None]),
        ("random:index/randomId:RandomId", {}, [None]),
        ("pulumi:providers:aws", {}, [0]),
        ("kubernetes:core/v1:Service", {"spec": {"type": "LoadBalancer"}}, [16.425, None]),
        ("kubernetes:core/v1:Service", {"spec": {"type": "ClusterIP"}}, [0]),
        ("kubernetes:apps/v1:Deployment", {}, [0]),
        ("kubernetes:core/v1:PersistentVolumeClaim", {}, [None]),
        ("kubernetes:helm.sh/v3:Release", {}, [None]),
    ],
)
def test_a_resource_costs_what_its_type_does(token: str, inputs: dict[str, Any], amounts: list[float | None]) -> None:
    found = lines(token, **inputs)
    assert [cost(line) for line in found] == [(amount,) * 3 for amount in amounts]
    assert all(line.note for line in found if not line.prices), "what has no price says why"


def test_what_is_paid_by_use_costs_what_its_expected_use_does() -> None:
    data, calls = (
        lines("aws:ec2/natGateway:NatGateway", usage={"nat-gateway-data": 500})[1],
        lines("aws:kms/key:Key", usage={"kms-requests": 2})[1],
    )
    assert (cost(data)[0], cost(calls)[0]) == (22.5, 6)
    signing = lines("aws:kms/key:Key", usage={"kms-requests-asymmetric": 2}, customerMasterKeySpec="ECC_NIST_P256")[1]
    assert cost(signing)[0] == 30


def test_use_that_no_resource_has_is_refused_with_the_nearest_all_of_it_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        bill(
            Resource("aws:s3/bucket:Bucket", "models", {}),
            usage={"modells": {"s3-standard": 1}, "models": {"s3-standrd": 1, "s3-standard": 1}},
        )
    assert "usage of modells: no resource of this name is paid for by its use\n  -> did you mean models?" in str(refused.value)
    assert "usage of models: 's3-standrd' is not what it is paid for by\n  -> did you mean s3-standard?" in str(refused.value)
    with pytest.raises(UsageError, match="-> there is none"):
        bill(Resource("aws:ec2/eip:Eip", "x", {}), usage={"x": {"public-ipv4": 1}})


def test_a_node_group_costs_from_its_smallest_to_its_largest() -> None:
    template = Resource(
        "aws:ec2/launchTemplate:LaunchTemplate",
        "nodes",
        {"name": "nodes", "blockDeviceMappings": [{"ebs": {"volumeSize": 50, "volumeType": "gp3", "throughput": 225, "iops": 4000}}]},
        id="lt-1",
    )
    for named in ({"id": "lt-1"}, {"name": "nodes"}):
        machines, disks, iops, throughput = lines(GROUP, template, scalingConfig=SIZES, instanceTypes=["m5.large"], launchTemplate=named)
        assert cost(machines) == (70.08, 140.16, 210.24)
        assert [cost(each) for each in (disks, iops, throughput)] == [(4, 8, 12), (5, 10, 15), (4, 8, 12)]


@pytest.mark.parametrize(
    "ebs", [{"volumeSize": 50, "volumeType": "io2"}, {"volumeSize": UNKNOWN, "volumeType": "gp3"}, {"volumeSize": 50}, None]
)
def test_a_disk_of_another_kind_or_of_no_said_size_is_not_known(ebs: Any) -> None:
    template = Resource("aws:ec2/launchTemplate:LaunchTemplate", "nodes", {"blockDeviceMappings": [{"ebs": ebs}]}, id="lt-1")
    _, disk = lines(GROUP, template, scalingConfig=SIZES, instanceTypes=["m5.large"], launchTemplate={"id": "lt-1"})
    assert (cost(disk), disk.note) == ((None,) * 3, "size or kind of its nodes' disks is not said, or not known here")


def test_of_several_types_the_cheapest_is_the_least_the_first_is_expected_and_the_dearest_the_most() -> None:
    machines, _ = lines(GROUP, scalingConfig=SIZES, instanceTypes=["m5.xlarge", "m5.large", "m5.2xlarge"])
    assert cost(machines) == (70.08, 280.32, 840.96)


def test_the_type_may_stand_in_the_template() -> None:
    template = Resource("aws:ec2/launchTemplate:LaunchTemplate", "nodes", {"instanceType": "m5.large"}, id="lt-1")
    machines, disks = lines(GROUP, template, scalingConfig=SIZES, launchTemplate={"id": "lt-1"})
    assert (cost(machines)[0], disks.note) == (70.08, "the disks of its nodes are not said")


def test_spot_costs_at_most_what_it_does_on_demand_and_the_rest_is_not_known_unless_you_say_it() -> None:
    asked = {"scalingConfig": SIZES, "instanceTypes": ["m5.large"], "capacityType": "SPOT"}
    machines, _ = lines(GROUP, **asked)
    assert cost(machines) == (None, None, 210.24)
    assert "at most the price on demand" in machines.note
    own = Price("spot m5.large", Decimal("0.04"), "USD", "hour", HERE, "our average", "2026-11-01")
    known = bill(Resource(GROUP, "x", asked), book=PriceBook(BOOK.data, {(own.item, own.region): own}))
    assert cost(known.lines[0]) == (29.2, 58.4, 210.24)


def test_a_capacity_block_is_paid_for_elsewhere() -> None:
    machines, _ = lines(GROUP, scalingConfig=SIZES, instanceTypes=["p5.48xlarge"], capacityType="CAPACITY_BLOCK")
    assert (cost(machines), machines.note) == ((None,) * 3, "paid for with the Capacity Block, in advance")


def test_a_group_of_fixed_size_is_said_to_be_one() -> None:
    fixed = {"minSize": 2, "desiredSize": 2, "maxSize": 2}
    machines, disks = lines(GROUP, scalingConfig=fixed, instanceTypes=["m5.large"])
    assert cost(machines) == (140.16,) * 3
    assert machines.note == "of fixed size: it costs the same whether there are requests or not"
    block, _ = lines(GROUP, scalingConfig=fixed, instanceTypes=["p5.48xlarge"], capacityType="CAPACITY_BLOCK")
    assert block.note.startswith("paid for with the Capacity Block, in advance; of fixed size")
    scaled, _ = lines(GROUP, scalingConfig=SIZES, instanceTypes=["m5.large"])
    assert "fixed" not in scaled.note + disks.note


def test_nodes_of_which_there_may_be_none_cost_nothing_then_even_without_a_price() -> None:
    none_first = {"minSize": 0, "desiredSize": 0, "maxSize": 1}
    machines, _ = lines(GROUP, scalingConfig=none_first, instanceTypes=["m5.nosuch"])
    assert cost(machines) == (0, 0, None)
    assert machines.note == "no price of instance m5.nosuch in us-east-1: give it in prices.yaml"
    assert cost(lines(GROUP, scalingConfig=none_first)[0]) == (0, 0, None)


def test_a_pool_costs_from_nothing_to_its_limits() -> None:
    machines, disks = bill(pool(["g6.xlarge"], limits={"cpu": "19"}), NODE_CLASS, usage={"x": {"nodes": 2}}).lines[:2]
    assert cost(machines) == (0, 1175.008, 2350.016), "four machines of 4 CPUs fit"
    assert cost(disks) == (0, 16, 32)


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({"nodes": 3}, 3),
        ({"memory": "40Gi"}, 2),
        ({"cpu": "8500m", "memory": "1Ti"}, 2),
        ({"nvidia.com/gpu": 5, "cpu": 1000}, 5),
        ({"cpu": 3}, 0),
    ],
)
def test_each_limit_counts_its_own_and_the_tightest_holds(limits: dict[str, Any], most: int) -> None:
    machines = bill(pool(["g6.xlarge"], limits=limits)).lines[0]
    assert cost(machines)[2] == round(most * 0.8048 * 730, 4)


@pytest.mark.parametrize("limits", [None, {}, {"example.com/fpga": 2}, {"nvidia.com/gpu": 4}, UNKNOWN])
def test_a_pool_without_a_limit_that_counts_has_no_most(limits: Any) -> None:
    machines = bill(pool(["m5.large"], limits=limits)).lines[0]
    assert (cost(machines)[0], cost(machines)[2]) == (0, None)
    assert "nothing here says how many nodes it may have" in machines.note


def test_a_limit_bounds_a_pool_of_which_every_type_has_what_it_counts() -> None:
    machines = bill(pool(["g6.xlarge", "g5.2xlarge"], limits={"nvidia.com/gpu": 2})).lines[0]
    assert cost(machines)[2] == round(2 * 1.212 * 730, 4), "two of the dearest for each GPU"
    mixed = bill(pool(["g6.xlarge", "g6f.large"], limits={"nvidia.com/gpu": 2})).lines[0]
    assert cost(mixed)[2] is None, "a fraction of a GPU counts as none"


def test_a_pool_of_fixed_size_costs_the_same_in_every_case() -> None:
    machines, disks = bill(pool(["g6.xlarge"], replicas=2), NODE_CLASS).lines[:2]
    assert (cost(machines), cost(disks)) == ((1175.008,) * 3, (16,) * 3)


def test_a_pool_on_a_reservation_is_paid_for_with_it() -> None:
    only = bill(pool(["g6.xlarge"], limits={"nodes": 2}, capacity=["reserved"])).lines[0]
    assert (cost(only)[2], only.note) == (None, "paid for with the reservation, which is not made here")
    first = bill(pool(["g6.xlarge"], limits={"nodes": 2}, capacity=["reserved", "on-demand"]), usage={"x": {"nodes": 1}}).lines[0]
    assert cost(first) == (0, None, 1175.008)


def test_a_pool_that_names_no_types_is_not_known() -> None:
    assert bill(pool([], limits={"cpu": 10})).lines[0].note == "its instance types are not said"


@given(
    st.lists(st.sampled_from(["g6.xlarge", "g6.12xlarge", "g5.2xlarge", "m5.large"]), min_size=1, max_size=3, unique=True),
    st.integers(1, 60),
    st.integers(1, 400),
)
def test_no_mix_of_a_pools_types_within_its_limits_costs_more_than_its_most(types: list[str], cpus: int, gib: int) -> None:
    most = bill(pool(types, limits={"cpu": cpus, "memory": f"{gib}Gi"})).lines[0].cost.max
    assert most is not None
    sold = []
    for name in types:
        machine, price = BOOK.machine(name), BOOK.price(f"instance {name}", HERE)
        assert machine
        assert price
        sold.append((machine.resources["cpu"], machine.resources["memory"], price.amount))
    for counts in itertools.product(*(range(cpus // each[0] + 1) for each in sold)):
        fits = sum(count * each[0] for count, each in zip(counts, sold, strict=True)) <= cpus
        if fits and sum(count * each[1] for count, each in zip(counts, sold, strict=True)) <= gib * 2**30:
            assert sum(count * each[2] for count, each in zip(counts, sold, strict=True)) * 730 <= most


def test_a_sum_with_something_unknown_in_it_reads_at_least() -> None:
    made = bill(Resource("aws:kms/key:Key", "key", {}), Resource("aws:ec2/eip:Eip", "ip", {}))
    assert (made.total, made.at_least) == (Span.of(Decimal("4.65")), Span.of(1))
    known = bill(Resource("aws:ec2/eip:Eip", "ip", {}))
    assert (known.at_least, known.unknown, known.dates) == (Span.of(0), [], ("2024-02-01", "2024-02-01"))
    assert bill(Resource("aws:ec2/vpc:Vpc", "net", {})).dates is None


def test_only_the_case_that_is_not_known_is_left_out() -> None:
    made = bill(pool(["g6.xlarge"], limits={"nodes": 1}), NODE_CLASS)
    assert made.at_least == Span(Decimal(0), Decimal(1), Decimal(0))


def test_a_price_that_the_region_lacks_is_said_with_its_item_and_where_it_may_be_given() -> None:
    machines, _ = lines(GROUP, region="eu-central-1", scalingConfig=SIZES, instanceTypes=["m5.large", "p5.48xlarge"])
    missing = "no price of instance p5.48xlarge in eu-central-1: give it in prices.yaml"
    assert (cost(machines), machines.note) == ((None, 167.9, None), missing)
    (stored,) = lines("aws:ecr/repository:Repository", region="eu-central-1", usage={"ecr-storage": 1})
    assert stored.note == "no price of ecr-storage in eu-central-1: give it in prices.yaml"
    machines, _ = lines(GROUP, region="eu-central-1", scalingConfig=SIZES, instanceTypes=["p5.48xlarge", "p5.nosuch"])
    assert machines.note == "no price of instance p5.48xlarge, instance p5.nosuch in eu-central-1: give them in prices.yaml"


@pytest.mark.parametrize("item", ["ecr-storage", "instance p5.48xlarge"])
def test_an_item_is_named_as_the_file_of_prices_takes_it(item: str, tmp_path: Path) -> None:
    (tmp_path / OWN_FILE).write_text(
        "{apiVersion: mlgate/v1, kind: Prices, source: ours, date: 2026-11-20, currency: USD, prices: "
        f"[{{item: {item}, region: eu-central-1, amount: 1, unit: {unit_of(item)}}}]}}",
        encoding="utf-8",
    )
    asked = {"instanceTypes": ["p5.48xlarge"], "scalingConfig": SIZES}
    resources = Resource(GROUP, "nodes", asked), Resource("aws:ecr/repository:Repository", "images", {})
    usage = {"images": {"ecr-storage": 1}}
    before, after = (bill(*resources, region="eu-central-1", book=book, usage=usage) for book in (BOOK, project_book(tmp_path)))
    assert [line.note for line in before.lines if line.note.startswith(f"no price of {item} in ")]
    assert not [line.note for line in after.lines if line.note.startswith(f"no price of {item} in ")]


def test_a_resource_has_the_prices_of_its_own_region() -> None:
    made = bill(Resource("aws:ec2/natGateway:NatGateway", "x", {}, region="eu-west-1"))
    assert cost(made.lines[0])[0] == 35.04


def test_a_region_without_any_price_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no price of region 'eu-central-9'\n  -> did you mean eu-central-\d\?"):
        bill(region="eu-central-9")
    with pytest.raises(UsageError, match=r"or give prices of your own in prices\.yaml"):
        bill(region="moon")


def test_a_cluster_says_when_it_begins_to_cost_more() -> None:
    (control,) = lines("aws:eks/cluster:Cluster", version="1.34")
    assert control.note == "standard support of 1.34 ends on 2026-12-02, extended support costs more"
    (later,) = bill(Resource("aws:eks/cluster:Cluster", "x", {"version": "1.34"}), on=datetime.date(2026, 12, 2)).lines
    assert (cost(later)[0], later.note) == (438, "standard support of 1.34 ended on 2026-12-02")


def test_what_changes_is_told_by_thing_and_summed() -> None:
    def group(most: int) -> Resource:
        return Resource(GROUP, "nodes", {"scalingConfig": {**SIZES, "maxSize": most}, "instanceTypes": ["m5.large"]})

    ip, key = Resource("aws:ec2/eip:Eip", "ip", {}), Resource("aws:eks/cluster:Cluster", "ml", {"version": "1.35"})
    found = bill(group(5), key).since(bill(group(3), ip))
    assert [(change.name, change.before is None, change.after is None) for change in found.changes] == [
        ("nodes", False, False),
        ("ip", False, True),
        ("ml", True, False),
    ]
    assert (float(found.total.expected or 0), float(found.total.max or 0)) == (69.35, 209.51)
    assert found.complete
    same = bill(ip).since(bill(ip))
    assert (same.changes, same.total, same.complete) == ([], Span.of(0), True)
    assert not bill(Resource("aws:sqs/queue:Queue", "jobs", {})).since(bill()).complete


@given(st.lists(st.sampled_from(["aws:ec2/eip:Eip", "aws:kms/key:Key", "aws:ec2/vpc:Vpc", "aws:x/y:Z", "aws:ec2/natGateway:NatGateway"])))
def test_no_resource_is_left_out_and_the_sum_is_that_of_the_lines(tokens: list[str]) -> None:
    made = bill(*(Resource(token, f"r{index}", {}) for index, token in enumerate(tokens)))
    assert {line.name for line in made.lines} == {f"r{index}" for index in range(len(tokens))}
    assert made.total.expected == sum((line.cost.expected or Decimal(0) for line in made.lines), Decimal(0))
    assert (made.at_least.expected == 1) == any(line.cost.expected is None for line in made.lines)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.lists(st.sampled_from(["m5.large", "g6.xlarge"]), min_size=1))
def test_the_least_is_never_more_than_the_most(one: int, two: int, three: int, types: list[str]) -> None:
    least, wanted, most = sorted([one, two, three])
    sizes = {"minSize": least, "desiredSize": wanted, "maxSize": most}
    machines = lines(GROUP, scalingConfig=sizes, instanceTypes=types)[0].cost
    assert machines.min is not None
    assert machines.expected is not None
    assert machines.max is not None
    assert machines.min <= machines.expected <= machines.max
