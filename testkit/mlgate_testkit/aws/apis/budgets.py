"""AWS Budgets: budgets, their notifications and who gets them. Nothing is ever spent here, so nobody is told anything.

moto's own keeps what it is given, and cannot update, tag, or tell subscribers. Constraints: Budgets API reference, CreateBudget,
CreateNotification, DeleteBudget; messages: moto.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from mlgate_testkit.aws.apis.dispatch import Operation, Place, Refused

__all__ = ["OPERATIONS"]

_LIMITS = ("BudgetLimit", "PlannedBudgetLimits", "AutoAdjustData")
_COST_TYPES = {
    **{f"Include{each}": True for each in ("Tax", "Subscription", "Refund", "Credit", "Upfront", "Recurring", "OtherSubscription")},
    "IncludeSupport": True,
    "IncludeDiscount": True,
    "UseBlended": False,
    "UseAmortized": False,
}
_MOST = 10  # of notifications: length of NotificationWithSubscribersList


def _budgets(place: Place) -> dict[str, Any]:
    return place.store("budgets")


def _found(place: Place, name: str, doing: str) -> dict[str, Any]:
    kept = _budgets(place).get(name)
    if kept is None:
        raise Refused("NotFoundException", f"Unable to {doing}: {name} - the budget doesn't exist.")
    return dict(kept)


def _whole(budget: dict[str, Any]) -> dict[str, Any]:
    """With what AWS fills in."""
    if not any(budget.get(limit) for limit in _LIMITS):
        said = "please provide one of the followings: Budget Limit/ Planned Budget Limit/ Auto Adjust Data"
        raise Refused("InvalidParameterException", f"Unable to create/update budget - {said}")
    filled = {"CostTypes": _COST_TYPES} if budget["BudgetType"] == "COST" and not budget.get("Metrics") else {}
    return deepcopy({**filled, **budget})


def _create(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    budget = _whole(wanted["Budget"])
    name = budget["BudgetName"]
    if name in _budgets(place):
        raise Refused("DuplicateRecordException", f"Error creating budget: {name} - the budget already exists.")
    tags = {tag["Key"]: tag["Value"] for tag in wanted.get("ResourceTags") or []}
    _budgets(place)[name] = {"budget": budget, "notifications": [], "tags": tags}
    return {}


def _describe(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    budget = _found(place, wanted["BudgetName"], "get budget")["budget"]
    shown = wanted.get("ShowFilterExpression")
    return {"Budget": {key: value for key, value in budget.items() if shown or key not in {"FilterExpression", "Metrics"}}}


def _update(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    budget = _whole(wanted["NewBudget"])
    kept = _found(place, budget["BudgetName"], "update budget")
    kept["budget"].clear()
    kept["budget"].update(budget)
    return {}


def _delete(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    _found(place, wanted["BudgetName"], "delete budget")
    del _budgets(place)[wanted["BudgetName"]]
    return {}


def _notify(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    told = _found(place, wanted["BudgetName"], "create notification")["notifications"]
    if any(each["Notification"] == wanted["Notification"] for each in told):
        raise Refused("DuplicateRecordException", "Unable to create notification - the notification already exists.")
    if len(told) == _MOST:
        raise Refused("CreationLimitExceededException", f"Unable to create notification - a budget has {_MOST} at most.")
    told.append({"Notification": wanted["Notification"], "Subscribers": wanted["Subscribers"]})
    return {}


def _notification(place: Place, wanted: dict[str, Any]) -> tuple[list[Any], Any]:
    told = _found(place, wanted["BudgetName"], "get notification")["notifications"]
    found = next((each for each in told if each["Notification"] == wanted["Notification"]), None)
    if found is None:
        raise Refused("NotFoundException", "Unable to get notification - the notification doesn't exist.")
    return told, found


def _no_longer_notify(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    told, found = _notification(place, wanted)
    told.remove(found)
    return {}


def _notifications(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    told = _found(place, wanted["BudgetName"], "get notifications")["notifications"]
    return {"Notifications": [each["Notification"] for each in told]}


def _subscribers(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    return {"Subscribers": _notification(place, wanted)[1]["Subscribers"]}


def _tags(place: Place, wanted: dict[str, Any]) -> dict[str, str]:
    tags: dict[str, str] = _found(place, wanted["ResourceARN"].rpartition("/")[2], "get tags")["tags"]
    return tags


def _list_tags(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    return {"ResourceTags": [{"Key": key, "Value": value} for key, value in _tags(place, wanted).items()]}


def _tag(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    _tags(place, wanted).update({tag["Key"]: tag["Value"] for tag in wanted["ResourceTags"]})
    return {}


def _untag(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    for key in wanted["ResourceTagKeys"]:
        _tags(place, wanted).pop(key, None)
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateBudget": _create,
    "DescribeBudget": _describe,
    "UpdateBudget": _update,
    "DeleteBudget": _delete,
    "CreateNotification": _notify,
    "DeleteNotification": _no_longer_notify,
    "DescribeNotificationsForBudget": _notifications,
    "DescribeSubscribersForNotification": _subscribers,
    "ListTagsForResource": _list_tags,
    "TagResource": _tag,
    "UntagResource": _untag,
}
