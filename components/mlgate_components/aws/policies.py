"""Documents of IAM as a component writes them: statements whose values may still be outputs, and the text that they come to."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws

__all__ = ["Statement", "account_root", "policy_text"]

Statement = dict[str, Any]
"""One statement in IAM's own words. Its values may be outputs, at any depth."""


def policy_text(*statements: Statement) -> pulumi.Output[str]:
    """The document of these statements."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)})


def account_root(owner: pulumi.Resource) -> pulumi.Output[str]:
    """The principal that stands for the account of the provider of the component `owner`, arn:aws:iam::123456789012:root."""
    caller = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(parent=owner))
    root: pulumi.Output[str] = caller.arn.apply(_root)
    return root


def _root(caller: str) -> str:
    _, partition, _, _, account, _ = caller.split(":", 5)
    return f"arn:{partition}:iam::{account}:root"
