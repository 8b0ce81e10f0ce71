"""Which inputs of the installed pulumi_aws may hold a policy of IAM or an ARN of one, by its sources, and why the rules leave some out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from .sdk_inputs import sdk_inputs

LEFT_OUT: Mapping[str, Sequence[str]] = {
    "it is one of a few words, a number, or a name": (
        *(".actionFailurePolicy", ".alpnPolicy", ".autoImportPolicy", ".dataDeletionPolicy", ".defaultPolicy", ".deletePropagationPolicy"),
        *(".dnsPolicy", ".dnsRecordClientRoutingPolicy", ".excessCapacityTerminationPolicy", ".gameServerProtectionPolicy", ".httpsPolicy"),
        *(".imagePullPolicy", ".languageSelectionPolicy", ".newGameSessionProtectionPolicy", ".notificationPolicy"),
        *(".originProtocolPolicy", ".paddingPolicy", ".permissionPolicy", ".protocolPolicy", ".referrerPolicy", ".routingPolicy"),
        *(".securityPolicy", ".sizingPolicy", ".snapshotPolicy", ".sslPolicy", ".streamExceptionPolicy", ".terminationPolicies"),
        *(".tlsPolicy", ".tlsSecurityPolicy", ".userContextPolicy", ".viewerProtocolPolicy", ".webAppEndpointPolicy"),
        *("aws:iam/accountPasswordPolicy:AccountPasswordPolicy", "aws:ses/receiptFilter:ReceiptFilter.policy"),
    ),
    "it is about messages: how they are kept, chosen and passed on": (
        *(".archivePolicy", ".deliveryPolicy", ".filterPolicy", ".redriveAllowPolicy", ".redrivePolicy", ".replayPolicy"),
        "aws:mailmanager/trafficPolicy:TrafficPolicy",
    ),
    "it is about how many there are, and how long they are kept": (
        *(".autoscalingPolicy", ".lifecyclePolicy", ".schedulingPolicyArn"),
        *("aws:appautoscaling/policy:Policy", "aws:autoscaling/policy:Policy", "aws:batch/schedulingPolicy:SchedulingPolicy"),
        *("aws:cloudwatch/logStorageTierPolicy:LogStorageTierPolicy", "aws:ecr/lifecyclePolicy:LifecyclePolicy.policy"),
        *("aws:efs/backupPolicy:BackupPolicy", "aws:emr/managedScalingPolicy:ManagedScalingPolicy"),
        *("aws:imagebuilder/lifecyclePolicy:LifecyclePolicy", "aws:opensearch/serverlessLifecyclePolicy:ServerlessLifecyclePolicy.policy"),
        *("aws:resiliencehub/resiliencyPolicy:ResiliencyPolicy", "aws:resiliencehub/v2Policy:V2Policy"),
        *("aws:resiliencehub/v2Service:V2Service.policyArn", "aws:resiliencehub/v2UserJourney:V2UserJourney.policyArn"),
    ),
    "it is about requests, packets and routes": (
        *(".contentSecurityPolicy", ".firewallPolicyArn"),
        *("aws:cloudfront/cachePolicy:CachePolicy", "aws:cloudfront/continuousDeploymentPolicy:ContinuousDeploymentPolicy"),
        "aws:cloudfront/originRequestPolicy:OriginRequestPolicy",
        *("aws:ec2/proxyProtocolPolicy:ProxyProtocolPolicy", "aws:ec2transitgateway/meteringPolicy:MeteringPolicy"),
        *("aws:ec2transitgateway/meteringPolicyEntry:MeteringPolicyEntry", "aws:ec2transitgateway/policyTable:PolicyTable"),
        "aws:ec2transitgateway/policyTableAssociation:PolicyTableAssociation",
        "aws:ec2transitgateway/policyTableEntry:PolicyTableEntry",
        *("aws:elb/appCookieStickinessPolicy:AppCookieStickinessPolicy", "aws:elb/listenerPolicy:ListenerPolicy"),
        "aws:elb/loadBalancerBackendServerPolicy:LoadBalancerBackendServerPolicy",
        "aws:elb/loadBalancerCookieStickinessPolicy:LoadBalancerCookieStickinessPolicy",
        *("aws:elb/loadBalancerPolicy:LoadBalancerPolicy", "aws:elb/sslNegotiationPolicy:SslNegotiationPolicy", "aws:fms/policy:Policy"),
        "aws:lightsail/lbHttpsRedirectionPolicy:LbHttpsRedirectionPolicy",
        "aws:lightsail/lbStickinessPolicy:LbStickinessPolicy",
        "aws:networkmanager/attachmentRoutingPolicyLabel:AttachmentRoutingPolicyLabel",
        *("aws:networkmanager/coreNetwork:CoreNetwork.basePolicyDocument", "aws:route53/trafficPolicy:TrafficPolicy.document"),
        "aws:networkmanager/coreNetworkPolicyAttachment:CoreNetworkPolicyAttachment.policyDocument",
        "aws:route53/trafficPolicyInstance:TrafficPolicyInstance",
    ),
    "it is about what is masked, indexed, checked or shown": (
        ".browserPolicy",
        *(".customPolicyDetails.policyText", "aws:cfg/organizationCustomPolicyRule:OrganizationCustomPolicyRule.policyText"),
        *("aws:cloudwatch/logAccountPolicy:LogAccountPolicy.policyDocument", "aws:cloudwatch/logIndexPolicy:LogIndexPolicy.policyDocument"),
        "aws:cloudwatch/logDataProtectionPolicy:LogDataProtectionPolicy.policyDocument",
        *("aws:securityhub/configurationPolicy:ConfigurationPolicy", "aws:sns/dataProtectionPolicy:DataProtectionPolicy.policy"),
        "aws:securityhub/configurationPolicyAssociation:ConfigurationPolicyAssociation",
    ),
    "it narrows what other policies allow, and allows nothing by itself": (
        *(".guardrailPolicyArns", ".sessionPolicy", ".sessionPolicyArn", "aws:cloudformation/stack:Stack.policyBody"),
        *("aws:ec2/vpcEndpoint:VpcEndpoint.policy", "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy.policy"),
        "aws:eks/podIdentityAssociation:PodIdentityAssociation.policy",
        *(f"aws:odb/network:Network.{service}PolicyDocument" for service in ("kms", "s3", "sts")),
        *("aws:organizations/policy:Policy.content", "aws:organizations/policyAttachment:PolicyAttachment"),
        *("aws:rolesanywhere/profile:Profile.managedPolicyArns", "aws:transfer/access:Access.policy", "aws:transfer/user:User.policy"),
        "aws:ssoadmin/permissionsBoundaryAttachment:PermissionsBoundaryAttachment.permissionsBoundary.managedPolicyArn",
    ),
    "it has a grammar of its own, which the rules do not read": (
        *("aws:bedrock/agentcorePolicy:AgentcorePolicy.definition.cedar.statement", "aws:datazone/policyGrant:PolicyGrant"),
        *("aws:bedrock/agentcorePolicyEngine:AgentcorePolicyEngine", "aws:eks/accessPolicyAssociation:AccessPolicyAssociation.policyArn"),
        "aws:opensearch/serverlessAccessPolicy:ServerlessAccessPolicy.policy",
        "aws:opensearch/serverlessSecurityPolicy:ServerlessSecurityPolicy.policy",
        *("aws:ram/permission:Permission.policyTemplate", "aws:verifiedaccess/endpoint:Endpoint.policyDocument"),
        *("aws:verifiedaccess/group:Group.policyDocument", "aws:verifiedpermissions/policy:Policy.definition.static.statement"),
        "aws:verifiedpermissions/policyStore:PolicyStore",
        "aws:verifiedpermissions/policyTemplate:PolicyTemplate.statement",
    ),
    "it names policies that are read where they are made": (
        *(f"aws:iam/{whose.lower()}PoliciesExclusive:{whose}PoliciesExclusive" for whose in ("Group", "Role", "User")),
        "aws:iot/policyAttachment:PolicyAttachment.policy",
        "aws:ssoadmin/customerManagedPolicyAttachment:CustomerManagedPolicyAttachment",
        "aws:ssoadmin/customerManagedPolicyAttachmentsExclusive:CustomerManagedPolicyAttachmentsExclusive",
    ),
}
"""By the reason. What begins with a dot is the end of a path, of whichever type: no policy of IAM is called so."""

_BY_NAME = re.compile(r"(polic(y|ies)|policy_(document|text|body|template|arns?))$")
_CALLED_POLICY = re.compile(r"Polic(y|ies)")
_OF_A_POLICY = ("content", "document", "statement")
"""What the text of a policy is called where the type says already that it is one."""


def why_left_out(found: str) -> list[str]:
    """The entries of `LEFT_OUT` that it falls under."""
    return [entry for entries in LEFT_OUT.values() for entry in entries if entry == found or (entry[0] == "." and found.endswith(entry))]


@cache
def policy_inputs() -> frozenset[str]:
    """`token.path` of each, in Pulumi's names; of a type that is called a policy, and has no such input, the token alone."""
    return frozenset(_policy_inputs())


def _policy_inputs() -> Iterator[str]:
    for token, inputs in sdk_inputs().items():
        policy = bool(_CALLED_POLICY.search(token.rpartition(":")[2]))
        found = [
            f"{token}.{each.path}"
            for each in inputs
            if "_builtins.str" in each.kind and (_BY_NAME.search(each.name) or (policy and each.name in _OF_A_POLICY))
        ]
        yield from found or ([token] if policy else [])
