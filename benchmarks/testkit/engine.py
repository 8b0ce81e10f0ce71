"""The engine on simulated AWS: `up` and a preview of 20 resources, and what simulated AWS costs a preview, object by object."""

from __future__ import annotations

from benchmarks.harness import Row, median_row, say
from benchmarks.testkit.previews import PER_SERVICE, SERVICES, measure_previews
from benchmarks.testkit.workbench import Workbench, created, unchanged, workbench
from mlgate_testkit.engine import Simulated

COUNT = SERVICES * PER_SERVICE
UP_GOAL_S, PREVIEW_GOAL_S = 5.0, 3.0


def services() -> None:
    """Five resources for each service, as a platform would have them."""
    import json

    import pulumi
    import pulumi_aws as aws

    for number in range(pulumi.Config().require_int("services")):
        name = f"service-{number}"
        tags = {"owner": "bench", "service": name}
        bucket = aws.s3.Bucket(name, tags=tags)
        aws.s3.BucketVersioning(name, bucket=bucket.id, versioning_configuration={"status": "Enabled"})
        aws.s3.BucketPublicAccessBlock(name, bucket=bucket.id, block_public_acls=True, block_public_policy=True)
        trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = aws.iam.Role(name, assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}), tags=tags)
        allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
        aws.iam.RolePolicy(name, role=role.id, policy=json.dumps(allow))


def measure(times: int = 5) -> list[Row]:
    """`times` of each, after one that does not count."""
    with workbench() as bench:
        simulated = bench.provider("aws", "mlgate_testkit.engine.packages:aws")
        nothing = bench.provider("aws", "benchmarks.testkit.nothing:aws")
        ups, previews = _up_and_preview(bench, simulated, times)
        compared = measure_previews(bench, "simulated AWS", services, simulated, nothing, times)
    return [
        median_row(f"up of {COUNT} resources on simulated AWS", ups, "s", goal=UP_GOAL_S, reference="warm: after one that does not count"),
        median_row(f"no-op preview of {COUNT} resources on simulated AWS", previews, "s", goal=PREVIEW_GOAL_S),
        *compared,
    ]


def _up_and_preview(bench: Workbench, simulated: Simulated, times: int) -> tuple[list[float], list[float]]:
    ups, previews = [], []
    for number in range(-1, times):
        stack = bench.stack(simulated, services, SERVICES)
        up, preview = created(stack.up, COUNT), unchanged(stack.preview, COUNT)
        say(f"{COUNT} resources {number + 1} of {times}: up {up:.2f} s, preview {preview:.2f} s")
        if number >= 0:
            ups.append(up)
            previews.append(preview)
        simulated.reset()
    return ups, previews
