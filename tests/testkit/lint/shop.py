"""A shop as a platform team would write it, and the defects that are planted in it. `shop()` is clean; `shop("typo")` is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws

KEPT = {"protect": True, "retain_on_delete": True}
PASSWORD = "correct-horse-battery"  # noqa: S105 - of a test


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
        role = aws.iam.Role(f"{name}-{reader}", assume_role_policy=json.dumps({"Statement": [trust]}), tags={"Owner": "shop"}, opts=here())
        if defect == "unknown used in plain Python":
            document: Any = json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{self.bucket.arn}/*"}]})
        else:
            allow = {"Effect": "Allow", "Action": "s3:GetObject"}
            document = self.bucket.arn.apply(lambda arn: json.dumps({"Statement": [{**allow, "Resource": f"{arn}/*"}]}))
        aws.iam.RolePolicy(f"{name}-read", role=role.id, policy=document, opts=here())
        self.register_outputs({"bucket": self.bucket.id})


class Orders(pulumi.ComponentResource):
    """The database of the shop."""

    def __init__(self, name: str, defect: str | None, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("shop:index:Orders", name, None, opts)
        password = pulumi.Config().require_secret("password")
        kept = {} if defect == "unprotected database" else KEPT
        self.database = aws.rds.Instance(
            f"{name}-db",
            identifier="shop-orders",
            instance_class="db.t4g.micro",
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
        self.register_outputs({})


def shop(defect: str | None = None) -> Callable[[], None]:
    def program() -> None:
        Assets("assets", defect)
        Orders("orders", defect)

    return program
