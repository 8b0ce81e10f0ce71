"""A version goes up one minor at a time, judged before an update by what the state says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.cluster.version import judged_before_updates, wrong_step

from .clusters import asked


def test_a_step_that_eks_would_refuse_is_refused_by_what_the_state_says() -> None:
    def step(before: dict[str, Any], after: dict[str, Any]) -> None:
        asked(lambda: judged_before_updates("Cluster", "ml"), "before_update", old_inputs=before, new_inputs=after)

    step({"version": "1.33"}, {"version": "1.34"})
    step({}, {"version": "1.34"})
    for skipped_or_lowered in ("1.35", "1.32"):
        with pytest.raises(ArgumentsError) as refused:
            step({"version": "1.33"}, {"version": skipped_or_lowered})
        (problem,) = refused.value.problems
        assert (problem.where, problem.found) == ("version", f"is {skipped_or_lowered}, and the cluster has 1.33")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("1.33", "1.33", ""),
        ("1.33", "1.34", ""),
        ("1.33", "1.35", "1.34 first"),
        ("1.33", "1.32", "1.33 or 1.34: EKS takes no version back"),
        ("1.9", "1.10", ""),
        ("1.33", "2.0", "1.34 first"),
    ],
)
def test_a_version_goes_up_one_minor_at_a_time(before: str, after: str, said: str) -> None:
    assert wrong_step(before, after).startswith(said) if not said else said in wrong_step(before, after)


@given(before=st.integers(20, 60), after=st.integers(20, 60))
def test_of_all_versions_only_the_same_and_the_next_are_taken(before: int, after: int) -> None:
    assert (wrong_step(f"1.{before}", f"1.{after}") == "") == (after - before in {0, 1})
