"""A graph of 1,000 resources recorded, against the same program under Pulumi's plain mocks: what the recording adds.

Each run is a process of its own, imports included, in turn.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # harness.py

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
from harness import Row, median_row

COMPONENTS = 100
CHILDREN = 9
COUNT = COMPONENTS * (CHILDREN + 1)  # with the components themselves


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


def measure(pairs: int = 5) -> list[Row]:
    """Both in turn, process start and imports included, after one pair that does not count."""
    taken: dict[str, list[float]] = {"bare": [], "recorded": []}
    for pair in range(-1, pairs):
        for kind, found in taken.items():
            begin = time.perf_counter()
            counted = subprocess.run([sys.executable, "-W", "ignore", __file__, kind], check=True, capture_output=True, text=True).stdout
            seconds = time.perf_counter() - begin
            if int(counted) != COUNT:
                raise RuntimeError(f"{kind} made {counted} resources")
            if pair >= 0:
                found.append(seconds)
    added = [recorded - bare for bare, recorded in zip(taken["bare"], taken["recorded"], strict=True)]
    return [
        median_row(
            f"graph of {COUNT:,} resources recorded, over the bare program", added, "s", goal=3.0, reference=f"{pairs} pairs in turn"
        ),
        median_row("recorded", taken["recorded"], "s"),
        median_row("bare, under Pulumi's own mocks", taken["bare"], "s"),
    ]


if __name__ == "__main__":
    print({"bare": run_bare, "recorded": run_recorded}[sys.argv[1]]())
