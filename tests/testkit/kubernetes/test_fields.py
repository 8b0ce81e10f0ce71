"""Which field was meant by one that the API server refuses."""

from __future__ import annotations

import pytest

from mlgate_testkit.kubernetes.fields import field_meant
from mlgate_testkit.kubernetes.kinds import ObjectKind

CREATED = 'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "{}"'
APPLIED = "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .{}: field not declared in schema"


@pytest.mark.parametrize(
    ("said", "wrong", "meant"),
    [
        (CREATED, "spec.replica", "spec.replicas"),
        (APPLIED, "spec.replica", "spec.replicas"),
        (CREATED, "spec.template.spec.containers[0].imagePullPolic", "spec.template.spec.containers[0].imagePullPolicy"),
        (APPLIED, 'spec.template.spec.containers[name="web"].imagePullPolic', 'spec.template.spec.containers[name="web"].imagePullPolicy'),
        (CREATED, "metdata", "metadata"),
        (CREATED, "spec.somethingElse", ""),
        (CREATED, "spec.template.nowhere.image", ""),
    ],
)
def test_the_nearest_field_of_the_same_object_is_meant(said: str, wrong: str, meant: str) -> None:
    assert field_meant(ObjectKind("apps", "v1", "Deployment"), said.format(wrong)) == meant


def test_kinds_of_the_core_group_are_known_and_those_of_definitions_are_not() -> None:
    assert field_meant(ObjectKind("", "v1", "ConfigMap"), 'unknown field "dta"') == "data"
    assert field_meant(ObjectKind("example.com", "v1", "Widget"), 'unknown field "spec.sise"') == ""


def test_another_refusal_names_no_field() -> None:
    assert field_meant(ObjectKind("apps", "v1", "Deployment"), "spec.replicas: Invalid value: -1") == ""
