"""The program that is recorded: 100 components with 9 children each. `python -m benchmarks.testkit.graph bare|recorded` counts them."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

COMPONENTS = 100


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


class Counting(pulumi.runtime.Mocks):
    """Mocks as a unit test of Pulumi's has them, which also count."""

    def __init__(self) -> None:
        self.made = 0

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:  # type: ignore[override]
        return {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.made += 1
        return f"{args.name}-id", args.inputs


def run_bare() -> int:
    """The program as a unit test of Pulumi's runs it. The number of resources."""
    mocks = Counting()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    pulumi.runtime.set_mocks(mocks)
    pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]
    return mocks.made


def run_recorded() -> int:
    from mlgate_testkit.record import record

    return len(record(program).resources)


if __name__ == "__main__":
    print({"bare": run_bare, "recorded": run_recorded}[sys.argv[1]]())
