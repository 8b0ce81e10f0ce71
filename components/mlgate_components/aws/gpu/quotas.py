"""Whether EC2 allows as many vCPUs as pools of GPUs need, asked of Service Quotas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pulumi
import pulumi_aws as aws

__all__ = ["too_small"]


def too_small(needed: Mapping[str, int], opts: pulumi.InvokeOptions) -> Iterator[tuple[str, str]]:
    """What is needed of each quota that allows less, and what it allows. `needed`: vCPUs by the quota's code."""
    for code, vcpus in needed.items():
        found = aws.servicequotas.get_service_quota(service_code="ec2", quota_code=code, opts=opts)
        if found.value < vcpus:
            yield f"need {vcpus} vCPUs of {found.quota_name} ({code})", f"the quota is {found.value:g}: have it raised"
