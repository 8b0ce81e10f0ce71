"""A component as a platform team writes one."""

import pulumi
import pulumi_aws as aws


class Site(pulumi.ComponentResource):
    """A component as a platform team writes one."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("site:index:Site", name, None, opts)
        here = pulumi.ResourceOptions(parent=self)
        self.bucket = aws.s3.Bucket(f"{name}-content", tags={"Owner": "web"}, opts=here)
        self.page = aws.s3.BucketObjectv2(
            "index", bucket=self.bucket.id, key="index.html", source=pulumi.StringAsset("<h1>"), opts=pulumi.ResourceOptions(parent=self)
        )
        self.register_outputs({"arn": self.bucket.arn})
