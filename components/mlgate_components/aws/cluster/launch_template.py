"""How every node is made that Karpenter does not make: what its template says whatever the group is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi_aws as aws

from mlgate_components.aws.parts import Parts

__all__ = ["create_launch_template"]

_TAGGED = ("instance", "volume", "network-interface")


def create_launch_template(parts: Parts, what: str, disks: Mapping[str, Mapping[str, Any]], **more: Any) -> aws.ec2.LaunchTemplate:
    """Its credentials stay with it, its disks (by device, with what EC2 takes of each) are encrypted gp3. `more`: what the group adds."""
    return aws.ec2.LaunchTemplate(
        parts.called(what),
        update_default_version=True,
        # One hop: a pod, which is one further away, does not reach the credentials of its node.
        metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
        block_device_mappings=[
            {"device_name": device, "ebs": {"volume_type": "gp3", "encrypted": "true", "delete_on_termination": "true", **disk}}
            for device, disk in disks.items()
        ],
        tag_specifications=[{"resource_type": each, "tags": parts.tagged(what)} for each in _TAGGED],
        tags=parts.tagged(what),
        opts=parts.opts(),
        **more,
    )
