"""What stands beside a network's subnets: AWS's services inside of it, and the record of its connections."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pulumi_aws as aws

from mlgate_components.aws.parts import Parts

__all__ = ["FLOW_LOG", "FLOW_LOG_DAYS", "create_endpoints", "create_flow_log"]

FLOW_LOG = "flow-log"
FLOW_LOG_DAYS = 90
# What nodes, their pods and the tools in them call; S3 has a gateway besides, which costs nothing.
_INTERFACES = ("s3", "ecr.api", "ecr.dkr", "sts", "logs", "kms", "eks", "eks-auth", "sqs")
_HTTPS = 443
_FLOW_LOGS = "vpc-flow-logs.amazonaws.com"


def create_endpoints(
    parts: Parts, vpc: aws.ec2.Vpc, region: str, block: str, subnets: Sequence[aws.ec2.Subnet], tables: Sequence[aws.ec2.RouteTable]
) -> list[aws.ec2.VpcEndpoint]:
    """Each service of AWS that nodes and pods call, at addresses inside of the network; from `block` by HTTPS alone."""
    group = aws.ec2.SecurityGroup(
        parts.called("endpoints"),
        vpc_id=vpc.id,
        description="HTTPS from inside the VPC to services of AWS",
        tags=parts.tagged("endpoints"),
        opts=parts.opts(),
    )
    aws.vpc.SecurityGroupIngressRule(
        parts.called("endpoints"),
        security_group_id=group.id,
        description="HTTPS from inside the VPC",
        cidr_ipv4=block,
        ip_protocol="tcp",
        from_port=_HTTPS,
        to_port=_HTTPS,
        tags=parts.tagged("endpoints"),
        opts=parts.opts(),
    )
    gateway = aws.ec2.VpcEndpoint(
        parts.called("s3-gateway"),
        vpc_id=vpc.id,
        service_name=f"com.amazonaws.{region}.s3",
        vpc_endpoint_type="Gateway",
        route_table_ids=[table.id for table in tables],
        tags=parts.tagged("s3-gateway"),
        opts=parts.opts(),
    )
    interfaces = []
    for service in _INTERFACES:
        s3 = service == "s3"
        part = service.replace(".", "-")
        interface = aws.ec2.VpcEndpoint(
            parts.called(part),
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{region}.{service}",
            vpc_endpoint_type="Interface",
            private_dns_enabled=True,
            # S3's private names are for callers from outside of the VPC: those inside go by the gateway, which must be there before.
            dns_options={"private_dns_only_for_inbound_resolver_endpoint": True} if s3 else None,
            subnet_ids=[subnet.id for subnet in subnets],
            security_group_ids=[group.id],
            tags=parts.tagged(part),
            opts=parts.opts(gateway) if s3 else parts.opts(),
        )
        interfaces.append(interface)
    return [gateway, *interfaces]


def create_flow_log(parts: Parts, vpc: aws.ec2.Vpc, days: int) -> None:
    """Every connection that was let through or refused, kept for so many days."""
    kept = aws.cloudwatch.LogGroup(parts.called(FLOW_LOG), retention_in_days=days, tags=parts.tagged(FLOW_LOG), opts=parts.opts())
    role = aws.iam.Role(
        parts.called(FLOW_LOG),
        description="writes the record of the network's connections",
        assume_role_policy=vpc.owner_id.apply(_trust),
        tags=parts.tagged(FLOW_LOG),
        opts=parts.opts(),
    )
    written = aws.iam.RolePolicy(parts.called(FLOW_LOG), role=role.id, policy=kept.arn.apply(_writes), opts=parts.opts())
    aws.ec2.FlowLog(
        parts.called(FLOW_LOG),
        vpc_id=vpc.id,
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_destination=kept.arn,
        iam_role_arn=role.arn,
        tags=parts.tagged(FLOW_LOG),
        opts=parts.opts(written),
    )


def _trust(account: str) -> str:
    """The service may take the role for logs of this account alone: it could be asked to by another one."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": _FLOW_LOGS},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _writes(group: str) -> str:
    statement = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        "Resource": f"{group}:*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
