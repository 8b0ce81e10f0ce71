"""The rules behind Pulumi's protocol for policies. Only the pack's own environment has `pulumi_policy`; nothing else imports this."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pulumi_policy
from pulumi_policy.deserialize import serialize_properties

from mlgate.environment import project_folder
from mlgate.errors import MlgateError
from mlgate.prices import PriceBook, project_book
from mlgate_policies.cost import month_told
from mlgate_policies.exceptions import PolicyExceptions
from mlgate_policies.judge import Judge
from mlgate_policies.resource import UNKNOWN, Resource, at
from mlgate_policies.rule import Rule
from mlgate_policies.rules import rules_of

_NAME = "mlgate"
_UNKNOWNS = frozenset(value for name, value in vars(pulumi_policy.proxy).items() if name.startswith("UNKNOWN_"))
_Report = Callable[[str, str | None], None]


class _Stack:
    """The stack that is worked on, known once the engine has said its name, and what of it was shown so far."""

    def __init__(self, exceptions: PolicyExceptions) -> None:
        self._exceptions = exceptions
        self._shown: dict[str, Resource] = {}
        self.judge = Judge.now("", exceptions)

    def named(self, stack: str) -> None:
        self.judge = Judge.now(stack, self._exceptions)

    def before(self, rule: Rule, args: pulumi_policy.ResourceValidationArgs, report: _Report) -> None:
        """Judges a resource that is about to be made, beside those that were before it."""
        if not _shown(rule, args):
            return
        resource = _resource(args)
        if rule.sees(resource.type):
            self._shown[resource.urn] = resource
        if resource.type in rule.types:
            self._report(rule, resource, self._shown.values(), report)

    def after(self, rule: Rule, args: pulumi_policy.StackValidationArgs, report: _Report) -> None:
        """Judges all that a rule is about, now that the program has ended."""
        shown = [_resource(each) for each in args.resources if _shown(rule, each)]
        for resource in shown:
            if resource.type in rule.types:
                self._report(rule, resource, shown, report)

    def _report(self, rule: Rule, resource: Resource, others: Iterable[Resource], report: _Report) -> None:
        for violation in self.judge.violations(rule, resource, others):
            report(violation.told, resource.urn)


def _shown(rule: Rule, resource: Any) -> bool:
    return resource.resource_type in rule.types or rule.sees(resource.resource_type)


def _resource(shown: Any) -> Resource:
    """As a rule sees it. `shown`: pulumi_policy's ResourceValidationArgs or PolicyResource; only the latter knows what came from what."""
    provider = _plain(serialize_properties(shown.provider.props)) if shown.provider else {}
    return Resource(
        type=shown.resource_type,
        name=shown.name,
        urn=shown.urn,
        properties=_plain(serialize_properties(shown.props)),
        protect=shown.opts.protect,
        made_from={key: [each.urn for each in made] for key, made in getattr(shown, "property_dependencies", {}).items()},
        default_tags=_default_tags(provider.get("defaultTags")),
        region=region if isinstance(region := provider.get("region"), str) else None,
    )


def _bill(book: PriceBook, on: date) -> pulumi_policy.Policy:
    """No rule, since nothing breaks it: what a month costs is told in every preview, beside what the rules say."""

    def tell(args: pulumi_policy.StackValidationArgs, report: _Report) -> None:
        if told := month_told([_resource(each) for each in args.resources], book, on):
            report(told, None)

    return pulumi_policy.StackValidationPolicy(
        "bill", "who changes a stack sees what a month of it costs", tell, pulumi_policy.EnforcementLevel.ADVISORY
    )


def _default_tags(stated: Any) -> Any:
    """A provider's nested properties are JSON texts."""
    return at(json.loads(stated) if isinstance(stated, str) else stated, "tags") or {}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return UNKNOWN if isinstance(value, str) and value in _UNKNOWNS else value


def _policies(rules: Iterable[Rule], stack: _Stack) -> dict[str, pulumi_policy.Policy]:
    """Each rule at its level in prod, until the name of the stack is known."""
    made: dict[str, pulumi_policy.Policy] = {}
    for rule in rules:
        kind, judge = (
            (pulumi_policy.StackValidationPolicy, stack.after) if rule.at_end else (pulumi_policy.ResourceValidationPolicy, stack.before)
        )
        level = pulumi_policy.EnforcementLevel(rule.levels.prod)
        made[rule.name] = kind(rule.name, rule.why, partial(judge, rule), level, remediation_steps=rule.remedy)
    return made


def main() -> None:
    """Serves until the engine ends this process."""
    try:
        rules = rules_of(Path.cwd())
        exceptions = PolicyExceptions.of(Path.cwd(), [rule.name for rule in rules])
        book = project_book(project_folder(Path.cwd()) or Path.cwd())
    except MlgateError as error:
        sys.exit(str(error))
    stack = _Stack(exceptions)
    for each in exceptions.exceptions:
        if not each.counts(stack.judge.today):
            sys.stderr.write(f"{each}, from {each.rule} for {', '.join(each.resources)}, has expired and no longer counts\n")
    policies = _policies(rules, stack)

    # Policies have a level each, and not one for each stack; the servicer is told the stack's name before it is asked for them.
    class Servicer(pulumi_policy.policy._PolicyAnalyzerServicer):  # type: ignore[misc]
        def ConfigureStack(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
            stack.named(request.stack)
            for rule in rules:
                policies[rule.name].enforcement_level = pulumi_policy.EnforcementLevel(rule.levels.of(request.stack))
            return super().ConfigureStack(request, context)

    pulumi_policy.policy._PolicyAnalyzerServicer = Servicer
    pulumi_policy.PolicyPack(_NAME, [*policies.values(), _bill(book, stack.judge.today)])
