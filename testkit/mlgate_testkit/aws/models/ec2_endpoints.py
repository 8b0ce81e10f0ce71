"""VPC endpoints and flow logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.model import Behaviour, ResourceModel, same_set
from mlgate_testkit.aws.models.ec2_common import first, given, retag, tagged
from mlgate_testkit.aws.rules import choice, exactly_one, holds
from mlgate_testkit.aws.tags import tags_of
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs

__all__ = ["MODELS"]

_LISTS = {"routeTableIds": "RouteTableIds", "subnetIds": "SubnetIds", "securityGroupIds": "SecurityGroupIds"}
_UNUSED = frozenset(  # kept in state, without effect here
    {
        "autoAccept",
        "dnsOptions",
        "ipAddressType",
        "resourceConfigurationArn",
        "serviceNetworkArn",
        "serviceRegion",
        "subnetConfigurations",
    }
)


def _create(aws: Aws, inputs: Inputs) -> str:
    request = given(inputs, VpcId="vpcId", ServiceName="serviceName", VpcEndpointType="vpcEndpointType", PolicyDocument="policy")
    request |= {parameter: inputs[argument] for argument, parameter in _LISTS.items() if inputs.get(argument)}
    if inputs["vpcEndpointType"] == "Interface":
        request["PrivateDnsEnabled"] = bool(inputs.get("privateDnsEnabled"))
        if not inputs.get("securityGroupIds"):
            of_vpc = [{"Name": "vpc-id", "Values": [inputs["vpcId"]]}, {"Name": "group-name", "Values": ["default"]}]
            groups = aws.client("ec2").describe_security_groups(Filters=of_vpc)["SecurityGroups"]
            request["SecurityGroupIds"] = [groups[0]["GroupId"]]
    return str(aws.client("ec2").create_vpc_endpoint(**request, **tagged("vpc-endpoint", inputs))["VpcEndpoint"]["VpcEndpointId"])


def _private_names(inputs: Inputs) -> Iterator[Failure]:
    if inputs.get("privateDnsEnabled") is True and inputs.get("vpcEndpointType", "Gateway") == "Gateway":
        yield Failure("privateDnsEnabled", "a gateway has no names of its own: private DNS is for interface endpoints")


def _read(aws: Aws, endpoint_id: str, _known: Inputs) -> Outputs | None:
    endpoint: dict[str, Any] = aws.client("ec2").describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])["VpcEndpoints"][0]
    if endpoint["State"] == "deleted":
        return None
    return {
        "arn": aws.arn("ec2", f"vpc-endpoint/{endpoint_id}"),
        "vpcId": endpoint["VpcId"],
        "serviceName": endpoint["ServiceName"],
        "vpcEndpointType": endpoint["VpcEndpointType"],
        "policy": endpoint.get("PolicyDocument"),
        "privateDnsEnabled": bool(endpoint.get("PrivateDnsEnabled")) and endpoint["VpcEndpointType"] == "Interface",
        "routeTableIds": endpoint.get("RouteTableIds") or [],
        "subnetIds": endpoint.get("SubnetIds") or [],
        "securityGroupIds": [group["GroupId"] for group in endpoint.get("Groups") or ()],
        "networkInterfaceIds": endpoint.get("NetworkInterfaceIds") or [],
        "dnsEntries": [{"dnsName": each["DnsName"], "hostedZoneId": each["HostedZoneId"]} for each in endpoint.get("DnsEntries") or ()],
        "cidrBlocks": [],
        "prefixListId": endpoint.get("PrefixListId") or "",
        "ownerId": aws.account_id,
        "requesterManaged": False,
        "state": endpoint["State"],
        "tags": tags_of(endpoint.get("Tags")),
    }


def _update(aws: Aws, endpoint_id: str, olds: Inputs, news: Inputs) -> None:
    request: dict[str, Any] = given(news, PolicyDocument="policy") if olds.get("policy") != news.get("policy") else {}
    for argument, parameter in _LISTS.items():
        before, after = set(olds.get(argument) or ()), set(news.get(argument) or ())
        if argument in news and (added := sorted(after - before)):
            request[f"Add{parameter}"] = added
        if argument in news and (removed := sorted(before - after)):
            request[f"Remove{parameter}"] = removed
    if request:
        aws.client("ec2").modify_vpc_endpoint(VpcEndpointId=endpoint_id, **request)
    retag(aws, endpoint_id, olds, news)


def _delete(aws: Aws, endpoint_id: str, _inputs: Inputs) -> None:
    aws.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[endpoint_id])


_WATCHED = {"vpcId": "VPC", "subnetId": "Subnet", "eniId": "NetworkInterface"}
_LATER = frozenset({"transitGatewayId", "transitGatewayAttachmentId", "regionalNatGatewayId"})


def _create_log(aws: Aws, inputs: Inputs) -> str:
    watched = next((argument for argument in _WATCHED if inputs.get(argument)), None)
    if watched is None:
        raise refusal(
            "UnsupportedOperation", "flow logs of transit gateways and regional NAT gateways are not simulated", "EC2: CreateFlowLogs"
        )
    request = given(
        inputs,
        TrafficType="trafficType",
        LogDestinationType="logDestinationType",
        LogFormat="logFormat",
        MaxAggregationInterval="maxAggregationInterval",
        DeliverLogsPermissionArn="iamRoleArn",
    )
    destination = str(inputs.get("logDestination") or "")
    if inputs["logDestinationType"] == "cloud-watch-logs":
        request["LogGroupName"] = destination.rsplit(":log-group:", maxsplit=1)[-1].removesuffix(":*")
    else:
        request["LogDestination"] = destination
    made = aws.client("ec2").create_flow_logs(
        ResourceIds=[inputs[watched]], ResourceType=_WATCHED[watched], **request, **tagged("vpc-flow-log", inputs)
    )
    if failed := made.get("Unsuccessful"):
        raise refusal(str(failed[0]["Error"]["Code"]), failed[0]["Error"]["Message"], "EC2: CreateFlowLogs")
    return str(made["FlowLogIds"][0])


def _read_log(aws: Aws, log_id: str, known: Inputs) -> Outputs | None:
    found = aws.client("ec2").describe_flow_logs(FlowLogIds=[log_id])["FlowLogs"]
    log: dict[str, Any] = first(found, "InvalidFlowLogId.NotFound", f"The flow log ID '{log_id}' does not exist")
    prefixes = {"vpc-": "vpcId", "subnet-": "subnetId", "eni-": "eniId"}
    watched = next(argument for prefix, argument in prefixes.items() if log["ResourceId"].startswith(prefix))
    group = log.get("LogGroupName")
    destination = log.get("LogDestination") or (aws.arn("logs", f"log-group:{group}") if group else None)
    if group and str(known.get("logDestination")).split(":log-group:")[-1].removesuffix(":*") == group:
        destination = known["logDestination"]
    return {
        "arn": aws.arn("ec2", f"vpc-flow-log/{log_id}"),
        **dict.fromkeys(prefixes.values()),
        watched: log["ResourceId"],
        "trafficType": log["TrafficType"],
        "logDestinationType": log["LogDestinationType"],
        "logDestination": destination,
        "logFormat": log["LogFormat"],
        "iamRoleArn": log.get("DeliverLogsPermissionArn"),
        "maxAggregationInterval": log["MaxAggregationInterval"],
        "tags": tags_of(log.get("Tags")),
    }


def _delete_log(aws: Aws, log_id: str, _inputs: Inputs) -> None:
    aws.client("ec2").delete_flow_logs(FlowLogIds=[log_id])


MODELS = (
    ResourceModel(
        type="aws:ec2/vpcEndpoint:VpcEndpoint",
        noun="EC2 VPC Endpoint",
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
        defaults={"vpcEndpointType": "Gateway"},
        forces_new=frozenset(
            {
                "vpcId",
                "serviceName",
                "vpcEndpointType",
                "resourceConfigurationArn",
                "serviceNetworkArn",
                "serviceRegion",
                "dnsOptions.privateDnsPreference",
                "dnsOptions.privateDnsSpecifiedDomains",
            }
        ),
        computed=frozenset(
            {
                "policy",
                "privateDnsEnabled",
                "routeTableIds",
                "subnetIds",
                "securityGroupIds",
                "ipAddressType",
                "dnsOptions",
                "serviceRegion",
            }
        ),
        state_only=_UNUSED,
        json=frozenset({"policy"}),
        equivalent=dict.fromkeys(_LISTS, same_set),
        rules=(
            choice("vpcEndpointType", "Interface", "Gateway", "GatewayLoadBalancer", "Resource", "ServiceNetwork"),
            exactly_one("serviceName", "resourceConfigurationArn", "serviceNetworkArn"),
            _private_names,
        ),
        behaviours=(
            Behaviour(
                "a service of another region is not known",
                "EC2 API reference, CreateVpcEndpoint; error code InvalidServiceName",
                "test_ec2_network.py::test_an_endpoint_serves_its_own_region",
            ),
            Behaviour(
                "its routes are those of its tables and its interfaces those of its subnets, when they change too",
                "VPC user guide (AWS PrivateLink), gateway and interface endpoints; EC2 API reference, ModifyVpcEndpoint",
                "test_ec2_network.py::test_an_endpoint_that_grew_or_shrank_leaves_its_subnets_and_its_vpc_free",
            ),
        ),
    ),
    ResourceModel(
        type="aws:ec2/flowLog:FlowLog",
        noun="Flow Log",
        create=_create_log,
        read=_read_log,
        update=retag,
        delete=_delete_log,
        defaults={"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600},
        forces_new=frozenset(
            {
                *_WATCHED,
                *_LATER,
                "trafficType",
                "logDestinationType",
                "logDestination",
                "logFormat",
                "iamRoleArn",
                "maxAggregationInterval",
                "deliverCrossAccountRole",
                "destinationOptions",
            }
        ),
        computed=frozenset({"logFormat", "logDestination"}),
        state_only=_LATER | {"deliverCrossAccountRole", "destinationOptions", "tagFieldSpecifications"},
        rules=(
            exactly_one(*_WATCHED, *sorted(_LATER)),
            choice("trafficType", "ACCEPT", "REJECT", "ALL"),
            choice("logDestinationType", "cloud-watch-logs", "s3", "kinesis-data-firehose"),
            holds("maxAggregationInterval", lambda seconds: "" if seconds in {60, 600} else f"is 60 or 600 s, got {seconds}"),
        ),
        behaviours=(
            Behaviour(
                "a bucket that receives a log must exist",
                "EC2 API reference, CreateFlowLogs (Unsuccessful)",
                "test_ec2_network.py::test_a_flow_log_needs_its_bucket",
            ),
        ),
    ),
)
