"""The engine on simulated AWS: `up` and a preview of 20 resources, and what simulated AWS adds to a preview, object by object."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # harness.py

from harness import Row, median_row, say

from mlgate_testkit.engine import Engine, Simulated, Stack, Stacks, no_clouds

SERVICES = 4
PER_SERVICE = 5
MORE = 120  # services beyond the first four in a large preview
UP_GOAL_S, PREVIEW_GOAL_S, RATIO_GOAL = 5.0, 3.0, 1.5


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
    """`times` of each, after one that does not count; the two providers in turn."""
    with _engine() as (engine, folder, simulated, nothing):
        ups, previews = _up_and_preview(engine, folder, simulated, times)
        taken = _per_object(engine, folder, {"simulated": simulated, "nothing": nothing}, times)
    count = SERVICES * PER_SERVICE
    ratios = [one / other for one, other in zip(taken["simulated"], taken["nothing"], strict=True)]
    return [
        median_row(f"up of {count} resources on simulated AWS", ups, "s", goal=UP_GOAL_S, reference="warm: after one that does not count"),
        median_row(f"no-op preview of {count} resources", previews, "s", goal=PREVIEW_GOAL_S),
        median_row(
            "preview per object, over a provider that does nothing",
            ratios,
            "x",
            goal=RATIO_GOAL,
            reference=f"what {MORE * PER_SERVICE} more objects add to a preview, in turn",
        ),
        median_row("preview per object", [each * 1e3 for each in taken["simulated"]], "ms"),
        median_row("preview per object: the provider that does nothing", [each * 1e3 for each in taken["nothing"]], "ms"),
    ]


@contextmanager
def _engine() -> Iterator[tuple[Engine, Path, Simulated, Simulated]]:
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="mlgate-bench-")))
        engine = held.enter_context(closing(Engine(folder / "home")))
        clouds = no_clouds(folder)
        simulated = held.enter_context(closing(Simulated("aws", "mlgate_testkit.engine.packages:aws", clouds)))
        beside = {**clouds, "PYTHONPATH": str(Path(__file__).parent)}
        nothing = held.enter_context(closing(Simulated("aws", "nothing:tracked", beside)))
        yield engine, folder, simulated, nothing


def _up_and_preview(engine: Engine, folder: Path, simulated: Simulated, times: int) -> tuple[list[float], list[float]]:
    ups, previews = [], []
    for number in range(-1, times):
        stack = _stack(engine, folder, simulated, SERVICES)
        up, preview = _seconds(stack.up), _seconds(stack.preview)
        say(f"{SERVICES * PER_SERVICE} resources {number + 1} of {times}: up {up:.2f} s, preview {preview:.2f} s")
        if number >= 0:
            ups.append(up)
            previews.append(preview)
        simulated.reset()
    return ups, previews


def _per_object(engine: Engine, folder: Path, providers: Mapping[str, Simulated], times: int) -> dict[str, list[float]]:
    """Seconds an object, by provider: a large preview less the median small one, of stacks that hold nothing yet."""
    sizes = {"small": SERVICES, "large": SERVICES + MORE}
    taken: dict[tuple[str, str], list[float]] = {(kind, size): [] for size in sizes for kind in providers}
    stacks = {(kind, size): _stack(engine, folder, providers[kind], sizes[size]) for kind, size in taken}
    for number in range(-1, times):
        for which, stack in stacks.items():
            seconds = _seconds(stack.preview)
            if number >= 0:
                taken[which].append(seconds)
        say(
            f"previews {number + 1} of {times}: "
            + ", ".join(f"{kind} {size} {each[-1]:.2f} s" for (kind, size), each in taken.items() if each)
        )
    objects = MORE * PER_SERVICE
    return {kind: [(large - median(taken[kind, "small"])) / objects for large in taken[kind, "large"]] for kind in providers}


def _stack(engine: Engine, folder: Path, provider: Simulated, count: int) -> Stack:
    workspace = Path(tempfile.mkdtemp(dir=folder))
    return Stacks(engine, workspace, [provider])("bench", program=services, config={"services": count})


def _seconds(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin
