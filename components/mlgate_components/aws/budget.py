"""`Budget`: what a month of an environment may cost, by its tags, and who hears when it does or will cost more."""

import enum
import re
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from mlgate_components.arguments import Wrong, check
from mlgate_components.aws.names import AUTOMATIC, Arn, check_arn, check_name, check_once
from mlgate_components.aws.outputs import register_declared
from mlgate_components.aws.parts import Parts
from mlgate_components.aws.tags import Tags

__all__ = ["Budget", "BudgetAlert", "BudgetArgs", "Spending"]

TYPE = "mlgate:index:Budget"
_CURRENCY = "USD"
# Budgets API reference 2016-10-20, as botocore 1.44 has it: lengths of BudgetName, NotificationWithSubscribersList and Subscribers, of
# which one may be an SNS topic (Cost Management user guide, "Creating an Amazon SNS topic for budget notifications").
_NAME, _ALERTS, _EMAILS = 100, 10, 10
_TOPIC = Arn(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+", "arn:aws:sns:us-east-1:123456789012:budgets")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class Spending(enum.Enum):
    """What is compared with the limit: what was spent so far this month, or what AWS expects for all of it."""

    ACTUAL = "actual"
    FORECAST = "forecast"


class BudgetAlert(TypedDict):
    """One message a month, once the spending is over a share of the limit."""

    percent: float
    """The share of the limit in percent; over 100 as well."""
    of: NotRequired[Spending]
    """What is compared; what was spent unless said."""


class BudgetArgs(TypedDict):
    """What a month may cost, of which resources, and who hears of it."""

    monthly_limit: float
    """What a month may cost, in `currency`, as AWS bills it, before credits and discounts of a contract."""
    currency: NotRequired[str]
    """In which the account is billed, by its three letters; USD unless said."""
    tags: Tags
    """The costs that count are those of resources with this `environment` and this `owner`; and what the budget itself carries."""
    alerts: NotRequired[list[BudgetAlert]]
    """When somebody hears; over 80 and over 100 percent spent, and over 100 percent expected, unless said."""
    emails: NotRequired[list[pulumi.Input[str]]]
    """Addresses that hear, ten at most; none unless said, and topic_arn is needed then."""
    topic_arn: NotRequired[pulumi.Input[str]]
    """An SNS topic that hears, whose policy lets budgets.amazonaws.com publish; none unless said."""


class Budget(pulumi.ComponentResource):
    """A budget of AWS over the costs of one environment of one owner. It warns and stops nothing."""

    budget_name: pulumi.Output[str]
    """Its name, of its own in the account."""
    budget_arn: pulumi.Output[str]
    """Its ARN."""

    def __init__(self, name: str, args: BudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        alerts = _planned(name, args)
        super().__init__(TYPE, name, None, opts)
        parts = Parts(name, args["tags"], self)
        topics = [args["topic_arn"]] if "topic_arn" in args else None
        made = aws.budgets.Budget(
            parts.called(),
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{args['monthly_limit']:.12g}",
            limit_unit=args.get("currency", _CURRENCY),
            # As an expression, in which all must hold: of several tags in a list of cost filters any one would do.
            filter_expression={"ands": [{"tags": {"key": key, "values": [args["tags"][key]]}} for key in ("environment", "owner")]},
            metrics="UnblendedCost",
            notifications=[
                {
                    "comparison_operator": "GREATER_THAN",
                    "notification_type": "ACTUAL" if of is Spending.ACTUAL else "FORECASTED",
                    "threshold": percent,
                    "threshold_type": "PERCENTAGE",
                    "subscriber_email_addresses": args.get("emails"),
                    "subscriber_sns_topic_arns": topics,
                }
                for percent, of in alerts
            ],
            tags=parts.tagged(),
            opts=parts.opts(),
        )
        self.budget_name, self.budget_arn = made.name, made.arn
        register_declared(self)


def _planned(name: str, args: BudgetArgs) -> list[tuple[float, Spending]]:
    """The alerts. Raises ArgumentsError with everything that is wrong."""
    wrong = Wrong("Budget", name)
    check(BudgetArgs, args, wrong)
    wrong.stop()
    check_name(name, wrong, at_most=_NAME - AUTOMATIC)
    limit, currency = args["monthly_limit"], args.get("currency", _CURRENCY)
    if not 0 < limit < float("inf"):
        wrong.add("monthly_limit", f"is {limit:g}", "more than 0: what a month may cost")
    if not re.fullmatch(r"[A-Z]{3}", currency):
        wrong.add("currency", f"is {currency!r}", "its three letters, such as USD")
    alerts = _alerts(args, wrong)
    _check_receivers(args, wrong)
    wrong.stop()
    return alerts


def _alerts(args: BudgetArgs, wrong: Wrong) -> list[tuple[float, Spending]]:
    if "alerts" not in args:
        return [(80, Spending.ACTUAL), (100, Spending.ACTUAL), (100, Spending.FORECAST)]
    found = [(alert["percent"], Spending(alert.get("of", Spending.ACTUAL))) for alert in args["alerts"]]
    for index, (percent, of) in enumerate(found):
        if not 0 < percent < float("inf"):
            wrong.add(f"alerts[{index}].percent", f"is {percent:g}", "more than 0 percent of the limit")
        if (percent, of) in found[:index]:
            wrong.add(f"alerts[{index}]", f"is {percent:g} percent {of.value} a second time", "each once")
    if not 1 <= len(found) <= _ALERTS:
        wrong.add("alerts", f"are {len(found)}", f"1 to {_ALERTS}: a budget that tells nobody is none, and AWS takes no more")
    return found


def _check_receivers(args: BudgetArgs, wrong: Wrong) -> None:
    emails = args.get("emails", [])
    check_once(emails, wrong, "emails")
    for index, email in enumerate(emails):
        if isinstance(email, str) and email and not _EMAIL.fullmatch(email):
            wrong.add(f"emails[{index}]", f"is {email!r}", "an address such as ml-platform@example.com")
    if len(emails) > _EMAILS:
        wrong.add("emails", f"are {len(emails)}", f"{_EMAILS} at most; a list of yours, or a topic, reaches more")
    if not emails and "topic_arn" not in args:
        wrong.add("emails", "are missing, and so is topic_arn", "give one of them: nobody would hear")
    check_arn(args.get("topic_arn"), wrong, "topic_arn", _TOPIC)
