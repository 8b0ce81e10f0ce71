"""Two programs with a resource of each kind that the rules look at: one that breaks every rule, one that keeps them all."""

REGION = {"aws:region": "eu-central-1"}
IDENTITY = {"aws:index/getCallerIdentity:getCallerIdentity": {"accountId": "111122223333", "arn": "arn:aws:iam::111122223333:root"}}
EVERY_RULE_OF_AWS = {
    "public-bucket",
    "plain-disk",
    "missing-backup",
    "missing-retention",
    "wildcard-action",
    "wildcard-principal",
    "open-security-group",
    "imdsv1",
    "public-api-server",
    "mutable-tag",
    "missing-owner",
    "budget-breach",
}


def careless() -> None:
    import json

    import pulumi_aws as aws

    def allow(**statement: object) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})

    service = allow(Principal={"Service": "eks.amazonaws.com"}, Action="sts:AssumeRole")
    role = aws.iam.Role("role", assume_role_policy=service)
    aws.iam.RolePolicy("all-of-s3", role=role.id, policy=allow(Action="s3:*", Resource="*"))
    aws.s3.Bucket("models")
    aws.kms.Key("key", policy=allow(Principal="*", Action="kms:Decrypt", Resource="*"))
    aws.ec2.LaunchTemplate("nodes", instance_type="m7i.large")
    vpc = aws.ec2.Vpc("net", cidr_block="10.0.0.0/16")
    zones = {"a": "10.0.0.0/24", "b": "10.0.1.0/24"}
    subnets = [
        aws.ec2.Subnet(zone, vpc_id=vpc.id, cidr_block=block, availability_zone=f"eu-central-1{zone}") for zone, block in zones.items()
    ]
    anywhere = [{"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"]}]
    aws.ec2.SecurityGroup("ssh", vpc_id=vpc.id, ingress=anywhere)
    aws.eks.Cluster("cluster", role_arn=role.arn, vpc_config={"subnet_ids": [subnet.id for subnet in subnets]})
    aws.ecr.Repository("images")
    aws.budgets.Budget("month", budget_type="COST", time_unit="MONTHLY", limit_amount="10", limit_unit="USD")


def careful() -> None:
    import json

    import pulumi
    import pulumi_aws as aws

    def allow(**statement: object) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})

    kept = pulumi.ResourceOptions(protect=True, retain_on_delete=True)
    own = aws.Provider("own", region="eu-central-1", default_tags={"tags": {"owner": "platform"}})
    kept_by_own = pulumi.ResourceOptions(protect=True, retain_on_delete=True, provider=own)
    tags = {"owner": "platform"}
    service = allow(Principal={"Service": "eks.amazonaws.com"}, Action="sts:AssumeRole")
    role = aws.iam.Role("role", assume_role_policy=service, tags=tags)
    aws.iam.RolePolicy("one-bucket", role=role.id, policy=allow(Action="s3:GetObject", Resource="arn:aws:s3:::models/*"))
    bucket = aws.s3.Bucket("models", tags=tags, opts=kept)
    closed = {"block_public_acls": True, "block_public_policy": True, "ignore_public_acls": True, "restrict_public_buckets": True}
    aws.s3.BucketPublicAccessBlock("models", bucket=bucket.id, **closed)
    aws.s3.BucketVersioning("models", bucket=bucket.id, versioning_configuration={"status": "Enabled"})
    root = aws.get_caller_identity().account_id
    policy = allow(Principal={"AWS": f"arn:aws:iam::{root}:root"}, Action="kms:*", Resource="*")
    aws.kms.Key("key", policy=policy, opts=kept_by_own)
    mappings = [{"device_name": "/dev/xvda", "ebs": {"encrypted": "true", "volume_type": "gp3", "volume_size": 50}}]
    options = {"http_tokens": "required", "http_put_response_hop_limit": 1}
    template = {"instance_type": "m7i.large", "block_device_mappings": mappings, "metadata_options": options}
    aws.ec2.LaunchTemplate("nodes", tags=tags, **template)
    vpc = aws.ec2.Vpc("net", cidr_block="10.0.0.0/16", tags=tags)
    zones = {"a": "10.0.0.0/24", "b": "10.0.1.0/24"}
    subnets = [
        aws.ec2.Subnet(zone, vpc_id=vpc.id, cidr_block=block, availability_zone=f"eu-central-1{zone}", tags=tags)
        for zone, block in zones.items()
    ]
    inside = [{"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["10.0.0.0/16"]}]
    aws.ec2.SecurityGroup("ssh", vpc_id=vpc.id, ingress=inside, tags=tags)
    private = {"endpoint_public_access": False, "endpoint_private_access": True}
    network = {"subnet_ids": [subnet.id for subnet in subnets], **private}
    aws.eks.Cluster("cluster", role_arn=role.arn, vpc_config=network, tags=tags)
    aws.ecr.Repository("images", image_tag_mutability="IMMUTABLE", tags=tags, opts=kept)
    aws.budgets.Budget("month", budget_type="COST", time_unit="MONTHLY", limit_amount="1000", limit_unit="USD", tags=tags)
