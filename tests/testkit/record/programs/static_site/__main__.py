"""A website on S3: no component, no helper of ours, everything at the top.

After `aws-py-s3-folder` of github.com/pulumi/examples, rebuilt with the resources that pulumi-aws 7 has for it.
"""

import json
import mimetypes
from pathlib import Path

import pulumi
from pulumi_aws import s3

index = pulumi.Config().require("indexDocument")
bucket = s3.Bucket("site")
website = s3.BucketWebsiteConfiguration(
    "site",
    bucket=bucket.id,
    index_document={"suffix": index},
    error_document=s3.BucketWebsiteConfigurationErrorDocumentArgs(key="404.html"),
)
ownership = s3.BucketOwnershipControls("site", bucket=bucket.id, rule={"object_ownership": "BucketOwnerPreferred"})
opened = s3.BucketPublicAccessBlock("site", bucket=bucket.id, block_public_policy=False)
for page in sorted(Path("www").iterdir()):
    s3.BucketObjectv2(
        page.name,
        bucket=bucket.id,
        key=page.name,
        source=pulumi.FileAsset(str(page)),
        content_type=mimetypes.guess_type(page.name)[0],
        opts=pulumi.ResourceOptions(depends_on=[ownership]),
    )
readable = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
s3.BucketPolicy(
    "site",
    bucket=bucket.id,
    policy=bucket.arn.apply(lambda arn: json.dumps({"Version": "2012-10-17", "Statement": [{**readable, "Resource": f"{arn}/*"}]})),
    opts=pulumi.ResourceOptions(depends_on=[opened]),
)
pulumi.export("url", pulumi.Output.concat("http://", website.website_endpoint))
