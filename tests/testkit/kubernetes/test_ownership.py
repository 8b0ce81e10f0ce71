"""Who owns which field."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mlgate_testkit.kubernetes.connection import ApiError
from mlgate_testkit.kubernetes.ownership import adopt, conflict, forced, new_manager

from .values import annotated, made

FIELDS = st.recursive(st.just({}), lambda inner: st.dictionaries(st.sampled_from(["f:a", "f:b", "."]), inner, max_size=2), max_leaves=6)


def entry(manager: str, operation: str = "Update", fields: dict[str, Any] | None = None, **more: str) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields or {}, **more}


def test_the_first_apply_takes_over_what_was_created_plainly_or_by_kubectl() -> None:
    managed = [
        entry("pulumi-kubernetes", fields={"f:data": {"f:a": {}}}),
        entry("kubectl-client-side-apply", fields={"f:data": {"f:b": {}}}),
        entry("other", fields={"f:data": {"f:c": {}}}),
        entry("kubectl", subresource="status"),
    ]
    others, ours = adopt(managed, "me")[:2], adopt(managed, "me")[2]
    assert others == managed[2:]
    assert (ours["manager"], ours["operation"], ours["fieldsV1"]) == ("me", "Apply", {"f:data": {"f:a": {}, "f:b": {}}})


def test_what_nobody_left_behind_stays_as_it_is() -> None:
    managed = [entry("me", "Apply"), entry("other")]
    assert adopt(managed, "me") is managed


@given(FIELDS, FIELDS)
def test_no_field_gets_lost_between_the_two_owners(ours: dict[str, Any], created: dict[str, Any]) -> None:
    def leaves(fields: dict[str, Any], at: str = "") -> set[str]:
        return {at} | {path for key, below in fields.items() for path in leaves(below, f"{at}/{key}")}

    (merged,) = adopt([entry("me", "Apply", ours), entry("pulumi-kubernetes", fields=created)], "me")
    assert leaves(merged["fieldsV1"]) == leaves(ours) | leaves(created)


def test_a_resource_keeps_its_manager_and_a_program_may_choose_one() -> None:
    plain = made("ConfigMap", "a")
    assert re.fullmatch("pulumi-kubernetes-[0-9a-f]{8}", new_manager(plain))
    assert new_manager(plain) != new_manager(plain)
    assert new_manager(plain, "kept") == "kept"
    assert new_manager(annotated(plain, patchFieldManager="mine"), "kept") == "mine"


def test_fields_of_others_are_taken_only_where_the_program_says_so() -> None:
    plain = made("ConfigMap", "a")
    assert not forced(plain, everywhere=False)
    assert forced(plain, everywhere=True)
    assert forced(annotated(plain, patchForce="true"), everywhere=False)
    assert not forced(annotated(plain, patchForce="false"), everywhere=False)


def test_a_conflict_names_field_owner_and_both_ways_out() -> None:
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "hpa" using apps/v1', "field": ".spec.replicas"}
    error = ApiError(409, {"reason": "Conflict", "message": "Apply failed", "details": {"causes": [cause]}})
    said = conflict(error, "Deployment web/front", "pulumi-kubernetes-1")
    assert said.startswith("Deployment web/front: the field manager pulumi-kubernetes-1 may not change")
    assert 'spec.replicas belongs to "hpa"' in said
    assert 'pulumi.com/patchForce: "true"' in said
    assert "Leave the field out" in said
