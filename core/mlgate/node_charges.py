"""What is charged for machines: managed node groups by their sizes, Karpenter's pools by their limits, and the disks of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mlgate.bill_lines import HOURS_PER_MONTH, UNKNOWN, Line, Resource, Span, no_price
from mlgate.inputs import amount, at, listed, quantity, text
from mlgate.prices import Machine, Price

if TYPE_CHECKING:
    from mlgate.charges import Charges

__all__ = ["NodeCharges"]

_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
_CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
_GIB = Decimal(2**30)
_BASE_IOPS, _BASE_THROUGHPUT = 3000, 125  # Amazon EBS pricing: what each gp3 volume has without extra charge, MiB/s the latter
_MACHINES, _DISKS = "machines", "disks"
_FIXED = "of fixed size: it costs the same whether there are requests or not"


@dataclass(frozen=True, slots=True)
class _Disk:
    """A volume of each node; None for what is not said."""

    gib: Decimal | None
    kind: str | None
    iops: Decimal
    throughput: Decimal


class NodeCharges:
    """`types`: what makes the lines of a resource, by its type."""

    def __init__(self, charges: Charges, resources: Sequence[Resource]) -> None:
        self._charges = charges
        self._templates = [resource for resource in resources if resource.type == _TEMPLATE]
        self._classes = [resource for resource in resources if resource.type == _CLASS]
        self.types: Mapping[str, Callable[[Resource], Iterator[Line]]] = {
            "aws:eks/nodeGroup:NodeGroup": self._group,
            "kubernetes:karpenter.sh/v1:NodePool": self._pool,
        }

    def _group(self, resource: Resource) -> Iterator[Line]:
        """Min, desired and max of it; of several types on demand EKS takes the first that it gets."""
        sizes = Span(*(amount(resource.inputs, "scalingConfig", size) for size in ("minSize", "desiredSize", "maxSize")))
        template = self._template(resource.inputs.get("launchTemplate"))
        of_template = text(template.inputs, "instanceType") if template else None
        types = [*listed(resource.inputs, "instanceTypes")] or ([of_template] if of_template else [])
        kind = text(resource.inputs, "capacityType") or "ON_DEMAND"
        if kind == "CAPACITY_BLOCK":
            machines = _unpriced(resource, _MACHINES, sizes, "paid for with the Capacity Block, in advance")
        else:
            machines = self._machines(resource, sizes, types, discounted=kind == "SPOT")
        fixed = sizes.min is not None and sizes.min == sizes.max
        yield replace(machines, note="; ".join([*([machines.note] if machines.note else []), _FIXED])) if fixed else machines
        mappings = listed(template.inputs, "blockDeviceMappings") if template else ()
        yield from self._disks(resource, sizes, [_disk(each, amount(each, "ebs", "volumeSize")) for each in mappings])

    def _pool(self, resource: Resource) -> Iterator[Line]:
        """From none to its limits; a pool of fixed size has that many."""
        spec = at(resource.inputs, "spec", "template", "spec")
        required = {text(each, "key"): listed(each, "values") for each in listed(spec, "requirements") if at(each, "operator") == "In"}
        types = required.get("node.kubernetes.io/instance-type", ())
        kinds = set(required.get("karpenter.sh/capacity-type", ())) or {"on-demand"}
        machines = [self._charges.book.machine(name) for name in types]
        fixed = amount(resource.inputs, "spec", "replicas")
        expected = self._charges.declared(resource, "nodes") if fixed is None else fixed
        limits = at(resource.inputs, "spec", "limits")
        most = _most_nodes(limits, [machine for machine in machines if machine]) if fixed is None and None not in machines else fixed
        nodes = Span(Decimal(0) if fixed is None else fixed, expected, most)
        if kinds == {"reserved"}:
            yield _unpriced(resource, _MACHINES, nodes, "paid for with the reservation, which is not made here")
        else:
            line = self._machines(resource, nodes, types, discounted=kinds != {"on-demand"})
            yield line if fixed is not None or most is None else self._bounded(line, limits, types)
        node_class = self._class(text(spec, "nodeClassRef", "name"))
        mappings = listed(node_class.inputs, "spec", "blockDeviceMappings") if node_class else ()
        yield from self._disks(resource, nodes, [_disk(each, _gib(each)) for each in mappings])

    def _machines(self, resource: Resource, nodes: Span, types: Sequence[str], *, discounted: bool) -> Line:
        """`discounted`: by spot or a reservation, whose price is yours or not known, and at most that on demand."""
        if not types:
            return _unpriced(resource, _MACHINES, nodes, "its instance types are not said")
        region = resource.region or self._charges.region
        book = self._charges.book
        on_demand = [book.price(f"instance {name}", region) for name in types]
        lower = [book.price(f"spot {name}", region) for name in types] if discounted else on_demand
        hourly = Span(_extreme(min, lower), lower[0].amount if lower[0] else None, _extreme(max, on_demand))
        cost = nodes.times(Span.of(HOURS_PER_MONTH)).times(hourly)
        missing = [f"instance {name}" for name, price in zip(types, on_demand, strict=True) if price is None]
        notes = [
            *([no_price(missing, region)] if missing else []),
            *(["spot or reserved: at most the price on demand"] if discounted and None in lower else []),
            *(["nothing here says how many nodes it may have"] if nodes.max is None else []),
            *(["how many are expected is not declared: nodes"] if nodes.expected is None else []),
        ]
        used = list(dict.fromkeys(price for price in [*lower, *on_demand] if price))
        quantity_ = nodes.times(Span.of(HOURS_PER_MONTH))
        what = f"{_MACHINES}, {', '.join(types)}"
        return Line(resource.type, resource.name, what, quantity_, "hour", cost, used, "; ".join(notes))

    def _bounded(self, line: Line, limits: Any, types: Sequence[str]) -> Line:
        """With the most that no mix of the pool's types within its limits can exceed."""
        book, region = self._charges.book, self._charges.region
        if len(types) == 1 or line.cost.max is None:
            return line
        rates = [
            (price.amount, machine)
            for name in types
            if (price := book.price(f"instance {name}", region)) and (machine := book.machine(name))
        ]
        bounds = [
            limit * max(price / machine.resources[key] for price, machine in rates)
            for key, limit in _limits(limits).items()
            if all(machine.resources.get(key) for _, machine in rates)
        ]
        # Never empty: a limit of CPUs, memory or nodes is of every type, and without one all of them have GPUs, or nothing bounds the pool.
        return replace(line, cost=replace(line.cost, max=min(bounds) * HOURS_PER_MONTH))

    def _disks(self, resource: Resource, nodes: Span, disks: Sequence[_Disk]) -> Iterator[Line]:
        if not disks:
            yield _unpriced(resource, _DISKS, nodes, "the disks of its nodes are not said")
        for disk in disks:
            if disk.gib is None or disk.kind not in {"gp2", "gp3"}:
                yield _unpriced(resource, _DISKS, nodes, "size or kind of its nodes' disks is not said, or not known here")
                continue
            yield self._charges.there(
                resource, f"disks, {disk.gib.normalize():f} GiB {disk.kind}", f"ebs-{disk.kind}", nodes.times(Span.of(disk.gib))
            )
            if disk.iops > _BASE_IOPS:
                yield self._charges.there(resource, "disks, IOPS", "ebs-gp3-iops", nodes.times(Span.of(disk.iops - _BASE_IOPS)))
            if disk.throughput > _BASE_THROUGHPUT:
                more = nodes.times(Span.of(disk.throughput - _BASE_THROUGHPUT))
                yield self._charges.there(resource, "disks, throughput", "ebs-gp3-throughput", more)

    def _template(self, named: Any) -> Resource | None:
        """The launch template that a node group names, by id or name."""
        wanted = {value for key in ("id", "name") if (value := text(named, key))}
        return next((each for each in self._templates if wanted & {each.id, text(each.inputs, "name")}), None)

    def _class(self, name: str | None) -> Resource | None:
        return next((each for each in self._classes if name and name in {text(each.inputs, "metadata", "name"), each.id}), None)


def _unpriced(resource: Resource, what: str, nodes: Span, why: str) -> Line:
    return Line(resource.type, resource.name, what, nodes, "", UNKNOWN.times(nodes), note=why)


def _disk(mapping: Any, gib: Decimal | None) -> _Disk:
    ebs = at(mapping, "ebs")
    return _Disk(gib, text(ebs, "volumeType"), amount(ebs, "iops") or Decimal(0), amount(ebs, "throughput") or Decimal(0))


def _gib(mapping: Any) -> Decimal | None:
    size = quantity(mapping, "ebs", "volumeSize")
    return None if size is None else size / _GIB


def _extreme(pick: Callable[[list[Decimal]], Decimal], prices: Sequence[Price | None]) -> Decimal | None:
    known = [price.amount for price in prices if price]
    return pick(known) if len(known) == len(prices) else None


def _limits(limits: Any) -> dict[str, Decimal]:
    return {key: value for key in limits if (value := quantity(limits, key)) is not None} if isinstance(limits, Mapping) else {}


def _most_nodes(limits: Any, machines: Sequence[Machine]) -> Decimal | None:
    """As many of the type that fits most often; None where nothing bounds them."""
    counts = []
    for machine in machines:
        bounds = [limit // size for key, limit in _limits(limits).items() if (size := machine.resources.get(key))]
        if not bounds:
            return None
        counts.append(min(bounds))
    return max(counts, default=None)
