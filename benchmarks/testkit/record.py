"""A graph of 1,000 resources recorded, against the same program under Pulumi's plain mocks: what the recording adds.

Each run is a process of its own, imports included, in turn. `measure()` is for the assembled benchmark; by hand:
python benchmarks/testkit/record.py
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

COMPONENTS = 100
CHILDREN = 9
"""And the component itself: ten for each, 1,000 in all."""


class Service(pulumi.ComponentResource):
    def __init__(self, name: str) -> None:
        super().__init__("bench:index:Service", name)
        here = pulumi.ResourceOptions(parent=self)
        tags = {"Owner": "bench", "Service": name}
        bucket = aws.s3.Bucket(f"{name}-data", tags=tags, opts=here)
        aws.s3.BucketVersioning(f"{name}-versions", bucket=bucket.id, versioning_configuration={"status": "Enabled"}, opts=here)
        aws.s3.BucketPublicAccessBlock(f"{name}-private", bucket=bucket.id, block_public_acls=True, opts=here)
        queue = aws.sqs.Queue(f"{name}-work", tags=tags, opts=here)
        role = aws.iam.Role(f"{name}-role", assume_role_policy="{}", tags=tags, opts=here)
        allow = pulumi.Output.all(bucket.arn, queue.arn).apply(json.dumps)
        aws.iam.RolePolicy(f"{name}-allow", role=role.id, policy=allow, opts=here)
        aws.cloudwatch.LogGroup(f"{name}-log", retention_in_days=30, tags=tags, opts=here)
        labels = {"app": name}
        k8s.core.v1.ConfigMap(f"{name}-settings", metadata={"labels": labels}, data={"bucket": bucket.id}, opts=here)
        container = {"name": "main", "image": "example", "env": [{"name": "QUEUE", "value": queue.url}]}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        k8s.apps.v1.Deployment(name, spec={"selector": {"match_labels": labels}, "template": template}, opts=here)
        self.register_outputs({"bucket": bucket.id})


def program() -> None:
    for number in range(COMPONENTS):
        Service(f"service-{number}")


class PlainMocks(pulumi.runtime.Mocks):
    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:  # type: ignore[override]
        return {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return f"{args.name}-id", args.inputs


def run_bare() -> int:
    """The program as a unit test of Pulumi's runs it. The number of resources."""
    made: list[str] = []

    class Counted(PlainMocks):
        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
            made.append(args.name)
            return super().new_resource(args)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    pulumi.runtime.set_mocks(Counted())
    pulumi.runtime.test(program)()
    return len(made)


def run_recorded() -> int:
    from mlgate_testkit.record import record

    return len(record(program).resources)


def measure(pairs: int = 5) -> dict[str, Any]:
    """Seconds of both, process start and imports included, `pairs` in turn after one that does not count; the medians and what is added."""
    taken: dict[str, list[float]] = {"bare": [], "recorded": []}
    for pair in range(-1, pairs):
        for kind, found in taken.items():
            begin = time.perf_counter()
            counted = subprocess.run([sys.executable, "-W", "ignore", __file__, kind], check=True, capture_output=True, text=True).stdout
            seconds = time.perf_counter() - begin
            if int(counted) != COMPONENTS * (CHILDREN + 1):
                raise RuntimeError(f"{kind} made {counted} resources")
            if pair >= 0:
                found.append(seconds)
    bare, recorded = statistics.median(taken["bare"]), statistics.median(taken["recorded"])
    return {
        "resources": COMPONENTS * (CHILDREN + 1),
        "bare_s": bare,
        "recorded_s": recorded,
        "added_s": recorded - bare,
        "goal_s": 3.0,
        **taken,
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print({"bare": run_bare, "recorded": run_recorded}[sys.argv[1]]())
    else:
        print(json.dumps(measure(), indent=2))
