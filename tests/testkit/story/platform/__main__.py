"""Components in components, and every option that state keeps too. Key `keys`: how many stores; `login`: a secret.

A bucket "taken-over" is to be there already.
"""

import pulumi
from pulumi_aws import Provider, kms, s3, sqs, ssm


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


config = pulumi.Config()
elsewhere = Provider("elsewhere", region="us-east-1")
stores = Stores("stores", config.require_int("keys"), pulumi.ResourceOptions(providers=[elsewhere]))
sqs.Queue(
    "changes",
    fifo_queue=True,
    opts=pulumi.ResourceOptions(
        depends_on=[stores], custom_timeouts=pulumi.CustomTimeouts(create="5m", delete="90s"), ignore_changes=["tags", "delaySeconds"]
    ),
)
jobs = sqs.Queue(
    "jobs",
    opts=pulumi.ResourceOptions(
        provider=elsewhere,
        replace_on_changes=["kmsMasterKeyId"],
        additional_secret_outputs=["url"],
        hooks=pulumi.ResourceHookBinding(after_create=[pulumi.ResourceHook("told", lambda _: None)]),
    ),
)
again = sqs.Queue.get("again", jobs.id, opts=pulumi.ResourceOptions(provider=elsewhere))
s3.Bucket("taken-over", bucket="taken-over", opts=pulumi.ResourceOptions(import_="taken-over"))
login = config.require_secret("login")
ssm.Parameter("login", type="SecureString", value=pulumi.Output.format("{0} of {1}", login, jobs.name))
pulumi.export("buckets", [store.bucket.id for store in stores.stores])
pulumi.export("login", login)
pulumi.export("jobs", pulumi.Output.format("{0} at {1}", jobs.arn, again.name))
