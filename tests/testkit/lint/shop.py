"""A shop as a platform team would write it, and the defects that are planted in it: `shop()` is clean, `shop("wrong parent")` is not.

Run as a program of its own, it takes the defect from its configuration: so the engine brings it up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

import pulumi
import pulumi_aws as aws

KEPT = {"protect": True, "retain_on_delete": True}
PASSWORD = "correct-horse-battery"  # noqa: S105 - of a test

DEFECTS: Mapping[str, Literal["lint", "recording", "engine"]] = {
    "wrong parent": "lint",
    "missing dependency": "lint",
    "public bucket": "lint",
    "typo in an argument": "recording",
    "unprotected database": "lint",
    "forced replacement": "engine",
    "unknown used in plain Python": "recording",
    "circular dependency": "recording",
    "secret in clear": "lint",
    "wrong delete order": "engine",
    "name too long": "lint",
    "drift": "engine",
}
"""All twelve, each with the cheapest thing that can see it. Drift is planted by hand, in the cloud."""


class Assets(pulumi.ComponentResource):
    """A bucket that stays private, and who may read it."""

    def __init__(self, name: str, defect: str | None, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("shop:index:Assets", name, None, opts)

        def here(**options: Any) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(parent=self, **options)

        self.bucket = aws.s3.Bucket(f"{name}-content", bucket="shop-assets", tags={"Owner": "shop"}, opts=here(**KEPT))
        self.block = aws.s3.BucketPublicAccessBlock(
            f"{name}-private",
            bucket=self.bucket.id,
            block_public_acls=defect != "public bucket",
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=None if defect == "wrong parent" else here(),
        )
        waits_for = {"circular dependency": [self], "missing dependency": []}.get(str(defect), [self.block])
        versioning: dict[str, Any] = {"statuss" if defect == "typo in an argument" else "status": "Enabled"}
        aws.s3.BucketVersioning(
            f"{name}-versions",
            bucket="shop-assets" if defect == "missing dependency" else self.bucket.id,
            versioning_configuration=versioning,
            opts=here(depends_on=waits_for),
        )
        reader = "reader" if defect != "name too long" else "reader-of-everything-that-the-shop-has-ever-shown-to-anybody"
        trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        self.reader = aws.iam.Role(f"{name}-{reader}", assume_role_policy=document, tags={"Owner": "shop"}, opts=here())
        # As somebody does who looks the role up where it is deployed: no recording knows that this is its name.
        named = pulumi.Config().require("reader") if defect == "wrong delete order" else self.reader.id
        aws.iam.RolePolicy(f"{name}-read", role=named, policy=self._readable(defect), opts=here())
        self.register_outputs({"bucket": self.bucket.id})

    def _readable(self, defect: str | None) -> Any:
        allow = {"Effect": "Allow", "Action": "s3:GetObject"}
        if defect == "unknown used in plain Python":
            return json.dumps({"Version": "2012-10-17", "Statement": [{**allow, "Resource": f"{self.bucket.arn}/*"}]})
        return self.bucket.arn.apply(lambda arn: json.dumps({"Version": "2012-10-17", "Statement": [{**allow, "Resource": f"{arn}/*"}]}))


class Orders(pulumi.ComponentResource):
    """The database of the shop, and what waits to be written to it."""

    def __init__(self, name: str, defect: str | None, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("shop:index:Orders", name, None, opts)
        password = pulumi.Config().require_secret("password")
        kept = {} if defect == "unprotected database" else KEPT
        self.database = aws.rds.Instance(
            f"{name}-db",
            identifier="shop-orders",
            engine="postgres",
            instance_class="db.t4g.micro",
            allocated_storage=20,
            username="shop",
            password=password,
            tags={"Owner": "shop"},
            opts=pulumi.ResourceOptions(parent=self, **kept),
        )
        clear: pulumi.Input[str] = pulumi.Config().require("password") if defect == "secret in clear" else password
        aws.ssm.Parameter(
            f"{name}-url",
            type="SecureString",
            value=pulumi.Output.format("postgres://shop@{0}/?p={1}", self.database.address, clear),
            tags={"Owner": "shop", "Login": pulumi.Output.format("shop {0}", clear) if defect == "secret in clear" else "shop"},
            opts=pulumi.ResourceOptions(parent=self),
        )
        aws.sqs.Queue(
            f"{name}-waiting",
            name="shop-orders" if defect == "forced replacement" else "shop-waiting",
            tags={"Owner": "shop"},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def shop(defect: str | None = None) -> Callable[[], None]:
    def program() -> None:
        assets = Assets("assets", defect)
        Orders("orders", defect)
        pulumi.export("reader", assets.reader.name)

    return program


if __name__ == "__main__":
    shop(pulumi.Config().get("defect"))()
