"""Components in components, and every option that a graph can show."""

import pulumi
from pulumi_aws import Provider, kms, s3, sqs


class Store(pulumi.ComponentResource):
    """A bucket under its own key."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:index:Store", name, None, opts)
        self.key = kms.Key(name, enable_key_rotation=True, opts=pulumi.ResourceOptions(parent=self, protect=True))
        self.bucket = s3.Bucket(
            name,
            tags={"store": name},
            opts=pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True, aliases=[pulumi.Alias(name=f"{name}-old")]),
        )
        encryption = s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=self.bucket.id,
            rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": self.key.arn}}],
            opts=pulumi.ResourceOptions(parent=self.bucket, deleted_with=self.bucket),
        )
        s3.BucketPublicAccessBlock(name, bucket=self.bucket.id, opts=pulumi.ResourceOptions(parent=encryption))
        self.register_outputs({"bucket": self.bucket.id})


class Stores(pulumi.ComponentResource):
    """Some of them."""

    def __init__(self, name: str, count: int, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:index:Stores", name, None, opts)
        self.stores = [Store(f"{name}-{index}", pulumi.ResourceOptions(parent=self)) for index in range(count)]
        self.register_outputs({})


elsewhere = Provider("elsewhere", region="us-east-1")
stores = Stores("stores", pulumi.Config().require_int("keys"), pulumi.ResourceOptions(providers=[elsewhere]))
sqs.Queue(
    "changes",
    fifo_queue=True,
    opts=pulumi.ResourceOptions(depends_on=[stores], custom_timeouts=pulumi.CustomTimeouts(create="5m"), ignore_changes=["tags"]),
)
pulumi.export("buckets", [store.bucket.id for store in stores.stores])
