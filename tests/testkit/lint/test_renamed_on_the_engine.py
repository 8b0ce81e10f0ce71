"""What the rule about renamed resources says, the engine does: a new one without an alias, and with that of the remedy none."""

from typing import Any

import pytest

from mlgate_testkit.engine import Stacks
from mlgate_testkit.lint import lint_run

pytestmark = pytest.mark.engine
REGION = {"aws:region": "eu-central-1"}


def shop() -> None:
    """As it was; with `moved` in the configuration everything has another name or another place, and with `keep` an alias as well."""
    import pulumi
    import pulumi_aws as aws

    moved, keep = pulumi.Config().get_bool("moved"), pulumi.Config().get_bool("keep")

    def options(under=None, **before):
        return pulumi.ResourceOptions(parent=under, aliases=[pulumi.Alias(**before)] if keep and before else None)

    class Site(pulumi.ComponentResource):
        def __init__(self, name, opts) -> None:
            super().__init__("shop:index:Site", name, None, opts)
            aws.sqs.Queue(f"{name}-orders", name="orders", opts=pulumi.ResourceOptions(parent=self))

    was_in = "urn:pulumi:prod::program::shop:index:Home::home"
    home = pulumi.ComponentResource("shop:index:Home", "home")
    aws.sqs.Queue("incoming" if moved else "events", name="events", opts=options(name="events"))
    Site("store" if moved else "site", options(name="site"))
    aws.sqs.Queue("in", name="in", opts=options(home if moved else None, parent=pulumi.ROOT_STACK_RESOURCE))
    aws.sqs.Queue("out", name="out", opts=options(None if moved else home, parent=was_in))


def test_an_alias_keeps_what_its_absence_replaces(stack: Stacks, simulated_aws: Any) -> None:
    prod = stack("prod", program=shop, config=REGION)
    prod.up()
    prod.change(config={**REGION, "moved": "true"})
    found = {(finding.rule, finding.path, finding.property): finding.remedy for finding in lint_run(prod.preview())}
    assert found.keys() == {("renamed", *each) for each in [("events", "name"), ("site", "name"), ("in", "parent"), ("out", "parent")]}
    assert 'pulumi.Alias(parent="urn:pulumi:prod::program::shop:index:Home::home")' in found["renamed", "out", "parent"]
    prod.change(config={**REGION, "moved": "true", "keep": "true"})
    assert prod.preview().nothing()
