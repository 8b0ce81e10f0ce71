"""What is charged for a resource of each type: by the hour or month that it is there, by its use, by its nodes, or nothing.

A type that stands in no table here is shown as not known. Tables name the item of the price book; `mlgate.node_charges` has machines.
"""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from mlgate.bill_lines import HOURS_PER_MONTH, NOTHING, UNKNOWN, Line, Resource, Span, Usage, give, no_price
from mlgate.errors import Problem, UsageError
from mlgate.inputs import at, listed, text
from mlgate.node_charges import NodeCharges
from mlgate.prices import PriceBook, unit_of

__all__ = ["Charges"]

# As long as it is there: what it is, and the item.
_THERE = {
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("alarm", "alarm"),
    "aws:ec2/eip:Eip": ("public IPv4 address", "public-ipv4"),
    "aws:ec2/natGateway:NatGateway": ("NAT gateway", "nat-gateway"),
    "aws:kms/key:Key": ("key", "kms-key"),
    "aws:kms/replicaKey:ReplicaKey": ("key", "kms-key"),
    "aws:secretsmanager/secret:Secret": ("secret", "secret"),
}

# By its use: what is used, and the item.
_USED = {
    "aws:cloudwatch/logGroup:LogGroup": (("logs written", "logs-ingested"), ("logs kept", "logs-stored")),
    "aws:ec2/natGateway:NatGateway": (("data through it", "nat-gateway-data"),),
    "aws:ecr/repository:Repository": (("images kept", "ecr-storage"),),
    "aws:s3/bucket:Bucket": (("objects kept", "s3-standard"), ("writes", "s3-put-requests"), ("reads", "s3-get-requests")),
    "aws:secretsmanager/secret:Secret": (("calls", "secret-requests"),),
    "aws:sns/topic:Topic": (("calls", "sns-requests"),),
    "aws:sqs/queue:Queue": (("calls", "sqs-requests"),),
}

# Paid for elsewhere, and where; types that cost nothing at all are in the price book with their source.
_ELSEWHERE = {
    "aws:ec2/flowLog:FlowLog": "its records are paid for where they go",
    "aws:eks/accessEntry:AccessEntry": "part of its cluster, which is paid for by the hour",
    "aws:s3/bucketObject:BucketObject": "paid for as objects of its bucket",
    "aws:s3/bucketObjectv2:BucketObjectv2": "paid for as objects of its bucket",
    "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass": "paid for with the nodes of its pools",
}

# Objects of a cluster that bring something of AWS about, which what they say does not tell.
_BRINGS = {
    "kubernetes:core/v1:PersistentVolumeClaim": "the disk that its storage class brings is not known here",
    "kubernetes:apps/v1:StatefulSet": "disks that its claims bring are not known here",
    "kubernetes:gateway.networking.k8s.io/v1:Gateway": "the load balancer that its class brings is not known here",
    "kubernetes:networking.k8s.io/v1:Ingress": "the load balancer that its class brings is not known here",
    "kubernetes:helm.sh/v3:Release": "load balancers and disks that its chart brings are not known here",
    "kubernetes:helm.sh/v4:Chart": "load balancers and disks that its chart brings are not known here",
}

_ASYMMETRIC = ("ECC", "RSA_3072", "RSA_4096")  # KMS pricing: RSA_2048 is asked for at the price of symmetric keys


class Charges:
    """Makes the lines of all resources at once, since some name others: a node group its template, a pool its class."""

    def __init__(self, resources: Sequence[Resource], region: str, book: PriceBook, on: datetime.date, usage: Usage) -> None:
        if region not in book.regions:
            near = difflib.get_close_matches(region, book.regions, n=1)
            raise UsageError(
                f"there is no price of region {region!r}",
                where="region",
                remedy=(f"did you mean {near[0]}? " if near else "")
                + f"there are {', '.join(book.regions)}; or {give('prices of your own')}",
            )
        self.region = region
        self.book = book
        self.usage = usage
        self._resources = resources
        self._on = on
        self._asked: dict[str, list[str]] = {}
        self._special: dict[str, Callable[[Resource], Iterator[Line]]] = {
            "aws:cloudtrail/trail:Trail": self._trail,
            "aws:ec2/vpcEndpoint:VpcEndpoint": self._endpoint,
            "aws:eks/cluster:Cluster": self._cluster,
            "kubernetes:core/v1:Service": self._service,
            **NodeCharges(self, resources).types,
        }

    def lines(self) -> list[Line]:
        """In the order of the resources. Raises UsageError for usage that no resource has, all of it at once."""
        made = [line for resource in self._resources for line in self._of(resource)]
        self._refuse_unused()
        return made

    def there(self, resource: Resource, what: str, item: str, count: Span | None = None, note: str = "") -> Line:
        """`count` of an item, all of the month: one unless said."""
        unit = unit_of(item) or ""
        count = count or Span.of(1)
        hours = count.times(Span.of(HOURS_PER_MONTH)) if unit == "hour" else count
        return self._priced(resource, what, item, unit, hours, note)

    def used(self, resource: Resource, what: str, item: str) -> Line:
        """What is expected of a month, if that was declared."""
        unit = unit_of(item) or ""
        declared = self.declared(resource, item)
        if declared is None:
            return Line(resource.type, resource.name, what, UNKNOWN, unit, UNKNOWN, note=f"depends on use: declare {item} in {unit}")
        return self._priced(resource, what, item, unit, Span.of(declared), "")

    def declared(self, resource: Resource, item: str) -> Decimal | None:
        """What is expected of it in a month; None where nothing was said."""
        self._asked.setdefault(resource.name, []).append(item)
        value = self.usage.get(resource.name, {}).get(item)
        return None if value is None else Decimal(str(value))

    def _of(self, resource: Resource) -> Iterator[Line]:
        kind = resource.type
        if special := self._special.get(kind):
            yield from special(resource)
        elif kind in _THERE or kind in _USED:
            yield from self._table(resource)
        elif source := self.book.free(kind):
            yield _nothing(resource, f"free: {source}")
        elif kind in _BRINGS:
            yield unknown(resource, "what it brings", _BRINGS[kind])
        elif reason := _elsewhere(kind):
            yield _nothing(resource, reason)
        else:
            yield unknown(resource, "all of it", "what a resource of this type costs is not known here")

    def _table(self, resource: Resource) -> Iterator[Line]:
        if there := _THERE.get(resource.type):
            replicas = len(listed(resource.inputs, "replicas")) if resource.type.endswith(":Secret") else 0
            yield self.there(resource, *there, Span.of(1 + replicas))
        for used in _USED.get(resource.type, ()):
            yield self.used(resource, *used)
        if resource.type in {"aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey"}:
            spec = text(resource.inputs, "customerMasterKeySpec") or ""
            yield self.used(resource, "calls", "kms-requests-asymmetric" if spec.startswith(_ASYMMETRIC) else "kms-requests")

    def _endpoint(self, resource: Resource) -> Iterator[Line]:
        kind = text(resource.inputs, "vpcEndpointType") or "Gateway"
        if kind == "Gateway":
            yield _nothing(resource, "free: a gateway endpoint has no price (Amazon VPC user guide, Gateway endpoints)")
        elif kind == "Interface":
            subnets = at(resource.inputs, "subnetIds")
            zones = len(subnets) if isinstance(subnets, list | tuple) else None
            yield self.there(resource, "endpoint, for each zone", "interface-endpoint", Span.of(zones))
            yield self.used(resource, "data through it", "interface-endpoint-data")
        else:
            yield unknown(resource, "all of it", f"what an endpoint of type {kind} costs is not known here")

    def _cluster(self, resource: Resource) -> Iterator[Line]:
        version = text(resource.inputs, "version")
        ends = self.book.standard_support_ends(version) if version else None
        upgrades = text(resource.inputs, "upgradePolicy", "supportType") == "STANDARD"  # AWS upgrades it then, and never asks for more
        if version and not upgrades and self.book.extended_support(version, self._on):
            note = f"standard support of {version} ended" + (f" on {ends}" if ends else "")
            yield self.there(resource, "control plane, extended support", "eks-cluster-extended-support", note=note)
        else:
            note = f"standard support of {version} ends on {ends}, extended support costs more" if ends and not upgrades else ""
            yield self.there(resource, "control plane", "eks-cluster", note=note)

    def _trail(self, resource: Resource) -> Iterator[Line]:
        if listed(resource.inputs, "eventSelectors") or listed(resource.inputs, "advancedEventSelectors"):
            yield self.used(resource, "data events", "cloudtrail-data-events")
        else:
            yield _nothing(resource, "free: the first copy of management events (AWS CloudTrail user guide, Managing CloudTrail costs)")

    def _service(self, resource: Resource) -> Iterator[Line]:
        if text(resource.inputs, "spec", "type") == "LoadBalancer":
            yield self.there(resource, "load balancer", "load-balancer")
            yield unknown(resource, "capacity units", "depend on traffic")
        else:
            yield _nothing(resource, _elsewhere(resource.type))

    def _priced(self, resource: Resource, what: str, item: str, unit: str, quantity: Span, note: str) -> Line:
        region = resource.region or self.region
        price = self.book.price(item, region)
        if price is None:
            return Line(resource.type, resource.name, what, quantity, unit, UNKNOWN.times(quantity), note=no_price([item], region))
        note = note or ("how many there will be is not known" if None in quantity.each() else "")
        return Line(resource.type, resource.name, what, quantity, unit, quantity.times(Span.of(price.amount)), (price,), note)

    def _refuse_unused(self) -> None:
        problems = []
        for name, items in self.usage.items():
            asked = self._asked.get(name, [])
            if not asked:
                near = difflib.get_close_matches(name, self._asked, n=1)
                problems.append(Problem(f"usage of {name}", "no resource of this name is paid for by its use", _meant(near, self._asked)))
                continue
            problems += [
                Problem(
                    f"usage of {name}", f"{item!r} is not what it is paid for by", _meant(difflib.get_close_matches(item, asked), asked)
                )
                for item in items
                if item not in asked
            ]
        if problems:
            raise UsageError("\n".join(map(str, problems)))


def unknown(resource: Resource, what: str, why: str) -> Line:
    """A line that says what is not known of a resource."""
    return Line(resource.type, resource.name, what, UNKNOWN, "", UNKNOWN, note=why)


def _nothing(resource: Resource, why: str) -> Line:
    return Line(resource.type, resource.name, "all of it", NOTHING, "", NOTHING, note=why)


def _elsewhere(kind: str) -> str:
    """Where a resource of that type is paid for, if it is not for itself."""
    if kind.startswith("kubernetes:"):
        return _ELSEWHERE.get(kind, "runs on the cluster's nodes, which are paid for")
    return _ELSEWHERE.get(kind, "part of Pulumi, in no cloud" if kind.startswith("pulumi:") else "")


def _meant(near: Sequence[str], there: Mapping[str, Any] | Sequence[str]) -> str:
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(there))}" if there else "there is none"
