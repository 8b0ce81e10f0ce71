"""The outputs that a component registers are those that its class declares."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from mlgate_components.aws.outputs import register_declared
from mlgate_testkit.record import record


class Half(pulumi.ComponentResource):
    url: pulumi.Output[str]
    digest: pulumi.Output[str]

    def __init__(self, name: str, **made: Any) -> None:
        super().__init__("acme:index:Half", name)
        self.said = "no output"
        for output, value in made.items():
            setattr(self, output, pulumi.Output.from_input(value))
        register_declared(self)


class Whole(Half):
    """A program's own, after a component of ours."""


@pytest.mark.parametrize("made", [Half, Whole])
def test_all_that_are_declared_are_registered_and_nothing_else(made: type[Half]) -> None:
    graph = record(lambda: made("toy", url="http://toy", digest="sha256:1") and None)
    assert graph.one("acme:index:Half").outputs == {"url": "http://toy", "digest": "sha256:1"}


def test_one_that_was_not_made_is_told_at_once() -> None:
    with pytest.raises(AttributeError, match="digest"):
        record(lambda: Half("toy", url="http://toy") and None)
