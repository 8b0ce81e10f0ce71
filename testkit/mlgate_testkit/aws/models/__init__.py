"""The types and functions that are simulated, a module for each group of them. A module says what it has in `MODELS` and `FUNCTIONS`."""

from __future__ import annotations

from types import ModuleType

from mlgate_testkit.aws.model import FunctionModel, ResourceModel
from mlgate_testkit.aws.models import (
    budgets,
    cloudtrail,
    compute,
    ecr,
    events,
    functions,
    iam_policy,
    iam_profile,
    iam_role,
    kms,
    logs,
    rds,
    rds_subnet_group,
    s3_access,
    s3_bucket,
    s3_keeping,
    s3_lifecycle,
    s3_notification,
    s3_object,
    s3_replication,
    s3_website,
    secrets,
    sns,
    sqs,
    ssm,
)

__all__ = ["FUNCTIONS", "MODELS"]

_MODULES: tuple[ModuleType, ...] = (
    s3_bucket,
    s3_access,
    s3_keeping,
    s3_website,
    s3_lifecycle,
    s3_notification,
    s3_replication,
    s3_object,
    iam_policy,
    iam_role,
    iam_profile,
    kms,
    ecr,
    sqs,
    logs,
    budgets,
    cloudtrail,
    events,
    secrets,
    ssm,
    sns,
    rds_subnet_group,
    rds,
    functions,
    *compute.MODULES,
)

MODELS: dict[str, ResourceModel] = {model.type: model for module in _MODULES for model in getattr(module, "MODELS", ())}
FUNCTIONS: dict[str, FunctionModel] = {function.type: function for module in _MODULES for function in getattr(module, "FUNCTIONS", ())}
