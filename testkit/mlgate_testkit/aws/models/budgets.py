"""Budgets: what a month may cost. Nothing is spent here, so none is ever over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel
from mlgate_testkit.aws.models.ec2_common import enumerated
from mlgate_testkit.aws.rules import conflicting, holds, text
from mlgate_testkit.aws.spelling import upper
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs

__all__ = ["MODELS"]

_TIME = "%Y-%m-%d_%H:%M"
_END = "2087-06-15_00:00"
_JOINED = {"And": "ands", "Or": "ors", "Not": "not"}
_LEAVES = {"CostCategories": "costCategories", "Dimensions": "dimensions", "Tags": "tags"}
_LEAF = {"Key": "key", "Values": "values", "MatchOptions": "matchOptions"}
_SENT = {argument: name for name, argument in {**_JOINED, **_LEAVES, **_LEAF}.items()}
_RECEIVERS = {"subscriberEmailAddresses": "EMAIL", "subscriberSnsTopicArns": "SNS"}
_NOTIFICATION = {
    "comparisonOperator": "ComparisonOperator",
    "notificationType": "NotificationType",
    "threshold": "Threshold",
    "thresholdType": "ThresholdType",
}


def _named(budget_id: str) -> dict[str, str]:
    account, _, name = budget_id.partition(":")
    return {"AccountId": account, "BudgetName": name}


def _budget(name: str, inputs: Inputs) -> dict[str, Any]:
    start, end = inputs.get("timePeriodStart"), inputs["timePeriodEnd"]
    asked: dict[str, Any] = {
        "BudgetName": name,
        "BudgetType": inputs["budgetType"],
        "TimeUnit": inputs["timeUnit"],
        "TimePeriod": {"End": _time(end), **({"Start": _time(start)} if start else {"Start": _month()})},
    }
    if inputs.get("limitAmount") and inputs.get("limitUnit"):
        asked["BudgetLimit"] = {"Amount": inputs["limitAmount"], "Unit": inputs["limitUnit"]}
    if inputs.get("costFilters"):
        asked["CostFilters"] = {each["name"]: each["values"] for each in inputs["costFilters"]}
    if inputs.get("costTypes"):
        asked["CostTypes"] = {upper(key): value for key, value in inputs["costTypes"].items()}
    if inputs.get("filterExpression"):
        asked |= {"FilterExpression": _expression(inputs["filterExpression"], _SENT), "Metrics": [inputs["metrics"]]}
    return asked


def _expression(given: Any, names: dict[str, str]) -> Any:
    """The same under other names: there and back."""
    if isinstance(given, list):
        return [_expression(each, names) for each in given]
    if not isinstance(given, dict):
        return given
    return {names[key]: _expression(value, names) for key, value in given.items() if value is not None}


def _create(aws: Aws, inputs: Inputs) -> str:
    name, account = inputs.get("name") or f"{inputs['namePrefix']}{aws.unique()}", inputs.get("accountId") or aws.account_id
    tags = {"ResourceTags": tag_list(inputs["tags"])} if inputs["tags"] else {}
    aws.client("budgets").create_budget(AccountId=account, Budget=_budget(name, inputs), **tags)
    return f"{account}:{name}"


def _settle(aws: Aws, budget_id: str, inputs: Inputs) -> None:
    for each in inputs.get("notifications") or []:
        aws.client("budgets").create_notification(
            **_named(budget_id),
            Notification={name: each[argument] for argument, name in _NOTIFICATION.items()},
            Subscribers=[
                {"SubscriptionType": kind, "Address": address}
                for argument, kind in _RECEIVERS.items()
                for address in each.get(argument) or []
            ],
        )


def _read(aws: Aws, budget_id: str, _known: Inputs) -> Outputs | None:
    budgets, named = aws.client("budgets"), _named(budget_id)
    found = budgets.describe_budget(**named, ShowFilterExpression=True)["Budget"]
    arn = _arn(aws, budget_id)
    limit, period = found.get("BudgetLimit") or {}, found["TimePeriod"]
    expression = found.get("FilterExpression")
    return {
        "accountId": named["AccountId"],
        "arn": arn,
        "name": named["BudgetName"],
        "namePrefix": None,
        "budgetType": found["BudgetType"],
        "timeUnit": found["TimeUnit"],
        "limitAmount": limit.get("Amount"),
        "limitUnit": limit.get("Unit"),
        "timePeriodStart": period["Start"].astimezone(UTC).strftime(_TIME),
        "timePeriodEnd": period["End"].astimezone(UTC).strftime(_TIME),
        "costFilters": [{"name": name, "values": values} for name, values in (found.get("CostFilters") or {}).items()],
        "costTypes": {key[0].lower() + key[1:]: value for key, value in (found.get("CostTypes") or {}).items()} or None,
        "filterExpression": _expression(expression, {**_JOINED, **_LEAVES, **_LEAF}) if expression else None,
        "metrics": next(iter(found.get("Metrics") or ()), None),
        "notifications": _notifications(budgets, named),
        "tags": tags_of(budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"]),
    }


def _notifications(budgets: Any, named: dict[str, str]) -> list[dict[str, Any]]:
    found = []
    for each in budgets.describe_notifications_for_budget(**named)["Notifications"]:
        subscribers = budgets.describe_subscribers_for_notification(**named, Notification=each)["Subscribers"]
        receivers = {
            argument: addresses
            for argument, kind in _RECEIVERS.items()
            if (addresses := [one["Address"] for one in subscribers if one["SubscriptionType"] == kind])
        }
        found.append({argument: each.get(name) for argument, name in _NOTIFICATION.items()} | receivers)
    return found


def _update(aws: Aws, budget_id: str, olds: Inputs, news: Inputs) -> None:
    budgets, named = aws.client("budgets"), _named(budget_id)
    budgets.update_budget(AccountId=named["AccountId"], NewBudget=_budget(named["BudgetName"], news))
    for each in budgets.describe_notifications_for_budget(**named)["Notifications"]:
        budgets.delete_notification(**named, Notification=each)
    _settle(aws, budget_id, news)
    if removed := [key for key in olds["tags"] if key not in news["tags"]]:
        budgets.untag_resource(ResourceARN=_arn(aws, budget_id), ResourceTagKeys=removed)
    if news["tags"]:
        budgets.tag_resource(ResourceARN=_arn(aws, budget_id), ResourceTags=tag_list(news["tags"]))


def _delete(aws: Aws, budget_id: str, _inputs: Inputs) -> None:
    aws.client("budgets").delete_budget(**_named(budget_id))


def _arn(aws: Aws, budget_id: str) -> str:
    named = _named(budget_id)
    return f"arn:{aws.partition}:budgets::{named['AccountId']}:budget/{named['BudgetName']}"


def _time(written: str) -> datetime:
    return datetime.strptime(written, _TIME).replace(tzinfo=UTC)


def _month() -> datetime:
    return datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _written(value: Any) -> str:
    try:
        _time(str(value))
    except ValueError:
        return f'cannot be parsed as "2006-01-02_15:04": {value}'
    return ""


def _same_amount(before: Any, after: Any) -> bool:
    try:
        return Decimal(str(before)) == Decimal(str(after))
    except InvalidOperation:
        return bool(before == after)


def _alike(before: Any, after: Any) -> bool:
    """Notifications are a set, and so are the receivers of each."""
    return bool(_sorted(before) == _sorted(after))


def _sorted(notifications: Any) -> Any:
    if not isinstance(notifications, list):
        return notifications
    return sorted(
        repr(sorted((key, sorted(map(str, value)) if isinstance(value, list) else value) for key, value in each.items() if value))
        if isinstance(each, dict)
        else repr(each)
        for each in notifications
    )


def _together(inputs: Inputs) -> Iterator[Failure]:
    for argument, other in (("filterExpression", "metrics"), ("metrics", "filterExpression")):
        if inputs.get(argument) is not None and inputs.get(other) is None:
            yield Failure(argument, f"all of `filter_expression,metrics` must be specified: {other} is missing")


MODELS = (
    ResourceModel(
        type="aws:budgets/budget:Budget",
        noun="Budget",
        create=_create,
        settle=_settle,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("name", 100, instead=("namePrefix",)),
        defaults={"timePeriodEnd": _END},
        forces_new=frozenset({"accountId", "name"}),
        computed=frozenset({"accountId", "costFilters", "costTypes", "limitAmount", "limitUnit", "timePeriodStart"}),
        state_only=frozenset({"autoAdjustData", "billingViewArn", "plannedLimits"}),
        equivalent={"limitAmount": _same_amount, "notifications": _alike},
        rules=(
            conflicting("name", "namePrefix"),
            conflicting("costFilters", "filterExpression"),
            conflicting("costTypes", "metrics"),
            conflicting("limitAmount", "plannedLimits"),
            conflicting("limitUnit", "plannedLimits"),
            text("name", r"[^:\\]+", r"must not have : or \ in it", at_most=100),
            enumerated("budgetType", "budgets", "BudgetType"),
            enumerated("timeUnit", "budgets", "TimeUnit"),
            enumerated("metrics", "budgets", "Metric"),
            enumerated("autoAdjustData.autoAdjustType", "budgets", "AutoAdjustType"),
            enumerated("notifications.comparisonOperator", "budgets", "ComparisonOperator"),
            enumerated("notifications.notificationType", "budgets", "NotificationType"),
            enumerated("notifications.thresholdType", "budgets", "ThresholdType"),
            holds("timePeriodStart", _written),
            holds("timePeriodEnd", _written),
            _together,
        ),
        behaviours=(
            Behaviour(
                "a filter expression needs a metric, and the other way round",
                "aws_budgets_budget, filter_expression and metrics",
                "test_budgets.py::test_a_filter_and_a_metric_come_together",
            ),
            Behaviour(
                "a budget without any limit is refused, and so is a second one of its name",
                "Budgets API reference, CreateBudget; moto (messages)",
                "test_budgets.py::test_a_budget_has_a_limit_and_a_name_of_its_own",
            ),
            Behaviour(
                "notifications are made anew when they change, ten at most, each with somebody who gets it",
                "terraform-provider-aws, internal/service/budgets/budget.go; Budgets API reference, CreateNotification",
                "test_budgets.py::test_notifications_are_a_set_of_ten_at_most_that_reach_somebody",
            ),
            Behaviour(
                "an amount is the same however it is written",
                "terraform-provider-aws, internal/service/budgets/budget.go, suppressEquivalentBudgetLimitAmount",
                "test_budgets.py::test_an_amount_is_the_same_however_it_is_written",
            ),
        ),
    ),
)
