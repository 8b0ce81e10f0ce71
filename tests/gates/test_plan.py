"""The plan: all that decides, in numbers, hashed; and a refusal, with numbers, of what no data could prove."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgate import DeclarationError, EvidenceError, Service
from mlgate.digests import canonical_json, digest_json
from mlgate_gates.plan import Plan
from mlgate_gates.planning import build_plan, timeout_ns
from mlgate_gates.request import Subject
from mlgate_gates.samples import Sample

MS, SECOND = 10**6, 10**9
OBJECTIVES = "objectives:\n  - {name: latency-p99, quantile: 0.99, at_most: 200 ms}\n  - {name: error-rate, at_most: 1 %}\n"


def test_a_plan_holds_everything_that_decides(plan: Plan) -> None:
    value = plan.to_dict()
    assert value["alpha"] == pytest.approx(0.008)
    assert value["alpha_block"] == pytest.approx(0.01 / 5)
    assert [(check["name"], check["kind"]) for check in value["checks"]] == [
        ("contract", "contract"),
        ("accuracy", "accuracy"),
        ("no-worse", "margin"),
        ("latency-p99", "latency"),
        ("error-rate", "error-rate"),
    ]
    assert value["checks"][1] == {"name": "accuracy", "kind": "accuracy", "sample": "holdout", "at_least": 0.94}
    assert value["checks"][2] == {"name": "no-worse", "kind": "margin", "sample": "holdout", "margin": 0.02}
    assert value["checks"][3] == {"name": "latency-p99", "kind": "latency", "quantile": 0.99, "at_most_ns": 200 * MS}
    assert value["checks"][4] == {"name": "error-rate", "kind": "error-rate", "at_most": 0.01}
    assert value["samples"] == [
        {
            "id": "holdout",
            "data": "data/holdout.parquet",
            "digest": "sha256:" + "d" * 64,
            "cases": 900,
            "repeats": 0,
            "arms": ["candidate", "stable"],
            "look": False,
        }
    ]
    load = value["load"]
    assert load.pop("schedule_seed") > 0
    assert load == {
        "rate_per_s": 200.0,
        "warm_up_ns": 5 * SECOND,
        "at_least_ns": 15 * SECOND,
        "at_most_ns": 90 * SECOND,
        "bursts": "independent",
        "late_ns": 4 * MS,
        "timeout_ns": 5 * SECOND,
    }
    assert value["declaration"]["metadata"] == {"name": "digits", "owner": "vision"}


def test_a_plan_survives_json_to_the_last_digit(plan: Plan) -> None:
    written = json.loads(canonical_json(plan.to_dict()))
    assert Plan.from_dict(written) == plan
    assert digest_json(Plan.from_dict(written).to_dict()) == digest_json(written)


@pytest.mark.parametrize(
    "changed",
    [{"seed": 8}, {"route": 2}, {"alpha_share": 0.1}, {"attempt": "a-2"}, {"stage": "dev"}, {"candidate": Subject("http://127.0.0.1:3")}],
)
def test_whatever_is_changed_changes_the_digest(plan_from: Callable[..., Plan], plan: Plan, changed: dict[str, Any]) -> None:
    digest, same, other = (digest_json(each.to_dict()) for each in (plan, plan_from(), plan_from(**changed)))
    assert same == digest != other


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**48), st.integers(0, 2**48))
def test_another_seed_is_another_schedule(plan_from: Callable[..., Plan], one: int, other: int) -> None:
    first, second = plan_from(seed=one).load, plan_from(seed=other).load
    assert first is not None
    assert second is not None
    assert (first.schedule_seed == second.schedule_seed) == (one == other)
    assert 0 <= first.schedule_seed < 2**53, "JSON readers elsewhere keep whole numbers up to there"


def test_a_first_release_leaves_out_the_checks_against_stable(plan_from: Callable[..., Plan]) -> None:
    plan = plan_from(first_release=True, stable=None)
    assert [terms.kind for terms in plan.checks] == ["contract", "accuracy", "latency", "error-rate"]
    assert (plan.first_release, plan.stable, plan.alpha_block) == (True, None, 0.01 / 4)


def test_late_is_2_percent_of_the_tightest_bound_and_at_least_1_ms(plan_from: Callable[..., Plan]) -> None:
    tight = plan_from(("200 ms", "20 ms")).load
    many = plan_from(("  - {name: error", "  - {name: p50, quantile: 0.5, at_most: 100 ms}\n  - {name: error")).load
    none = plan_from(("  - {name: latency-p99, quantile: 0.99, at_most: 200 ms}\n", "")).load
    assert [load.late_ns for load in (tight, many, none) if load] == [1 * MS, 2 * MS, 1 * MS]


def test_a_timeout_is_over_every_bound(service_from: Callable[..., Service]) -> None:
    assert timeout_ns(service_from()) == 5 * SECOND
    assert timeout_ns(service_from(("200 ms", "8 s"))) == 16 * SECOND


def test_without_objectives_there_is_no_load(plan_from: Callable[..., Plan]) -> None:
    plan = plan_from((OBJECTIVES, ""))
    assert plan.load is None
    assert [terms.kind for terms in plan.checks] == ["contract", "accuracy", "margin"]


def test_parts_are_found_by_name(plan: Plan) -> None:
    assert plan.sample("holdout").cases == 900
    assert plan.release_of("candidate") == "sha256:" + "c" * 64
    assert plan.release_of("stable") == "sha256:" + "5" * 64
    with pytest.raises(KeyError):
        plan.sample("other")


def test_without_a_stable_no_release_is_expected_of_it(plan_from: Callable[..., Plan]) -> None:
    assert plan_from(first_release=True, stable=None).release_of("stable") is None


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("alpha",), 2, "alpha"),
        (("checks", 1, "at_least"), "high", "at_least"),
        (("load", "bursts"), "wild", "bursts"),
        (("subject", "release"), "latest", "release"),
        (("surprise",), 1, "surprise"),
        (("samples", 0, "cases"), 0, "cases"),
        (("samples",), [], "accuracy is judged on holdout, which is no sample that gates"),
        (("samples", 0, "look"), True, "accuracy is judged on holdout, which is no sample that gates"),
        (("load",), None, "latency-p99 needs a load, and none is planned"),
    ],
)
def test_a_malformed_plan_is_named_where_it_is_malformed(plan: Plan, path: tuple[Any, ...], value: Any, named: str) -> None:
    written = json.loads(json.dumps(plan.to_dict()))
    place = written
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(EvidenceError, match=named):
        Plan.from_dict(written)


# What no data could prove.


@pytest.fixture
def refusal(service_from: Callable[..., Service], sample_of_size: Callable[..., Sample]) -> Callable[..., str]:
    """The refusal of a declaration with texts replaced and a hold-out of that size."""

    def refuse(*changes: tuple[str, str], cases: int = 900, samples: tuple[Sample, ...] = ()) -> str:
        with pytest.raises(DeclarationError) as caught:
            build_plan(
                service_from(*changes),
                samples or (sample_of_size(cases),),
                candidate=Subject("http://127.0.0.1:1"),
                stable=Subject("http://127.0.0.1:2"),
                first_release=False,
                stage="local",
                attempt="a-1",
                route=1,
                alpha_share=0.8,
                seed=7,
            )
        return str(caught.value)

    return refuse


def test_a_bar_that_the_sample_cannot_prove_names_the_number_of_cases_that_can(refusal: Callable[..., str]) -> None:
    text = refusal(cases=78)
    assert (
        "quality accuracy: 78 cases of data/holdout.parquet cannot prove at_least 0.94 at alpha 0.008, even with every answer right" in text
    )
    assert "79 cases can; or declare a bar of at most 0.9399" in text


@pytest.mark.parametrize(
    ("change", "cases"), [(("versus: stable, margin: 0.02", "versus: stable, margin: 0.2"), 79), (("0.94", "0.9"), 262)]
)
def test_the_number_named_is_enough(
    plan_from: Callable[..., Plan], sample_of_size: Callable[..., Sample], change: tuple[str, str], cases: int
) -> None:
    assert plan_from(change, samples=(sample_of_size(cases),)).sample("holdout").cases == cases


def test_a_margin_that_the_sample_cannot_prove_names_the_number_of_cases_that_can(refusal: Callable[..., str]) -> None:
    text = refusal(cases=200)
    assert "200 cases of data/holdout.parquet cannot prove a margin of 0.02 at alpha 0.008, even with every answer like stable's" in text
    assert "262 cases can; or declare a wider margin" in text


def test_a_later_route_needs_more(plan_from: Callable[..., Plan], refusal: Callable[..., str]) -> None:
    assert plan_from(alpha_share=0.05).alpha == 0.0005
    with pytest.raises(DeclarationError, match="cannot prove at_least"):
        plan_from(("0.94", "0.995"), alpha_share=0.1)


def test_an_objective_that_the_load_cannot_prove_names_the_duration_that_can(refusal: Callable[..., str]) -> None:
    text = refusal(("at_most: 90 s", "at_most: 15 s"), ("quantile: 0.99,", "quantile: 0.999,"))
    assert "objectives latency-p99: 200/s for at most 15 s is about 3,000 requests, and 6," in text
    assert "needed to prove a share under 0.1 % at alpha 0.008, even with none over it" in text


def test_an_objective_beyond_any_load_says_so(refusal: Callable[..., str]) -> None:
    text = refusal(("quantile: 0.99,", "quantile: 0.9999999999999999,"))
    assert "about 18,000 requests, and over 10^15 are needed" in text
    assert text.endswith("a bound that can be proven")


def test_all_problems_are_named_at_once(refusal: Callable[..., str]) -> None:
    text = refusal(("at_most: 90 s", "at_most: 15 s"), ("quantile: 0.99,", "quantile: 0.999,"), cases=50)
    assert [name in text for name in ("quality accuracy", "quality no-worse", "objectives latency-p99", "objectives error-rate")] == [
        True,
        True,
        True,
        False,
    ]


def test_cases_to_look_at_may_not_gate(refusal: Callable[..., str], sample_of_size: Callable[..., Sample]) -> None:
    changed = ("at_least: 0.94, data: data/holdout.parquet", "at_least: 0.94, data: data/holdout.parquet, look_at: data/holdout.parquet")
    assert "look_at data/holdout.parquet also gates" in refusal(changed, samples=(sample_of_size(look=True),))


LOOKED_AT = ("at_least: 0.94, data: data/holdout.parquet", "at_least: 0.94, data: data/holdout.parquet, look_at: data/./copy.parquet")


def test_cases_to_look_at_may_not_gate_under_another_name(refusal: Callable[..., str], sample_of_size: Callable[..., Sample]) -> None:
    copied = sample_of_size(40, data="data/./copy.parquet", look=True, inputs=[*range(5000, 5037), 3, 3, 4])
    text = refusal(LOOKED_AT, samples=(sample_of_size(), copied))
    assert "look_at data/./copy.parquet: 3 of its 40 cases have the inputs of cases that gate" in text
    assert text.endswith("set other cases aside to look at, so that nobody tunes to these")


def test_other_cases_may_be_looked_at(plan_from: Callable[..., Plan], sample_of_size: Callable[..., Sample]) -> None:
    plan = plan_from(LOOKED_AT, samples=(sample_of_size(), sample_of_size(40, data="data/./copy.parquet", look=True)))
    assert [(sample.cases, sample.look) for sample in plan.samples] == [(900, False), (40, True)]
