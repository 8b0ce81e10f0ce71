"""What serves the rules, asked as the engine asks it: in its own environment, over its own protocol, with no engine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import analyzer_pb2 as said
from pulumi.runtime.proto.analyzer_pb2_grpc import AnalyzerStub

from mlgate import Environment
from mlgate.prices import OWN_FILE as PRICES
from mlgate_policies.exceptions import FILE
from mlgate_policies.rule import Level
from mlgate_policies.rules import OWN_FILE, RULES

from .test_on_the_engine import OWN_PRICES

UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_LIST = "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hush"}
REGION = {"region": "eu-central-1"}
POLICY = "aws:iam/rolePolicy:RolePolicy"
ALL_OF_S3 = json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
ALLOWS_ALL = "statement 1 allows s3:*"
EXCEPTIONS = """\
apiVersion: mlgate/v1
kind: PolicyExceptions
exceptions:
  - {rule: wildcard-action, resources: [it], environments: [prod], owner: ml, reason: it is new, expires: 2999-12-31}
  - {rule: wildcard-action, resources: [old, older], environments: [prod], owner: ml, reason: it was new, expires: 2020-01-01}
"""
SHOWN = """\
import json
from dataclasses import asdict

from mlgate_policies.rule import Level, Levels, Rule


def show(resource, others):
    whole = {**asdict(resource), "others": [other.name for other in others]}
    yield json.dumps(whole, default=lambda value: value.name)


def rule(name, at_end):
    levels = Levels(dev=Level.DISABLED, staging=Level.ADVISORY, prod=Level.MANDATORY)
    types, beside = frozenset({"acme:index:Asked"}), frozenset({"acme:index:Asked", "acme:index:Beside"})
    return Rule(name=name, why="to see", remedy="look", levels=levels, types=types, beside=beside, check=show, at_end=at_end)


RULES = (rule("shown-before", False), rule("shown-after", True))
"""

Serve = Callable[..., AbstractContextManager[AnalyzerStub]]


@contextmanager
def serving(pack: str, folder: Path) -> Iterator[AnalyzerStub]:
    """The pack, started in a folder and ended afterwards."""
    with subprocess.Popen([sys.executable, pack], cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
                yield AnalyzerStub(channel)
        finally:
            process.kill()


@pytest.fixture
def serve(policy_pack: str, tmp_path: Path) -> Serve:
    """Starts the pack in the folder of a program, with these files beside the project's `Pulumi.yaml`; `stack` is the one worked on."""

    @contextmanager
    def begin(stack: str = "prod", **files: str) -> Iterator[AnalyzerStub]:
        for name, text in {"Pulumi.yaml": "name: p\n", **files}.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        program = tmp_path / "program"
        program.mkdir(exist_ok=True)
        with serving(policy_pack, program) as pack:
            pack.ConfigureStack(said.AnalyzerStackConfigureRequest(stack=stack))
            yield pack

    return begin


def struct(values: Mapping[str, Any]) -> Struct:
    made = Struct()
    made.update(values)
    return made


def parts(
    type: str,  # noqa: A002
    properties: Mapping[str, Any] | None = None,
    *,
    name: str = "it",
    provider: Mapping[str, Any] | None = None,
    protect: bool = False,
) -> dict[str, Any]:
    """What both kinds of request say of a resource."""
    by = {"provider": said.AnalyzerProviderResource(type="pulumi:providers:aws", properties=struct(provider))} if provider else {}
    urn = f"urn:pulumi:prod::p::{type}::{name}"
    options = said.AnalyzerResourceOptions(protect=protect)
    return {"type": type, "name": name, "urn": urn, "properties": struct(properties or {}), "options": options, **by}


def asked(*args: Any, **more: Any) -> Any:
    """A resource before it is made, of these `parts`."""
    return said.AnalyzeRequest(**parts(*args, **more))


def made(*args: Any, made_from: Mapping[str, Sequence[str]] | None = None, **more: Any) -> Any:
    """A resource when the program has ended, of these `parts`."""
    of = {key: said.AnalyzerPropertyDependencies(urns=urns) for key, urns in (made_from or {}).items()}
    return said.AnalyzerResource(**parts(*args, **more), propertyDependencies=of)


def before(pack: AnalyzerStub, request: Any) -> list[Any]:
    """What is said of a resource before it is made."""
    return list(pack.Analyze(request).diagnostics)


def after(pack: AnalyzerStub, *resources: Any) -> list[Any]:
    """What is said when the program has ended, but for the bill."""
    return [each for each in pack.AnalyzeStack(said.AnalyzeStackRequest(resources=resources)).diagnostics if each.policyName != "bill"]


def shown(diagnostic: Any) -> dict[str, Any]:
    """What the rule of the test was shown."""
    why, told, remedy = diagnostic.message.split("\n")
    assert (why, remedy) == ("to see", "  -> look")
    return dict(json.loads(told))


def level_of(level: Level) -> int:
    return int(said.EnforcementLevel.Value(level.name))


def test_each_rule_is_offered_with_why_remedy_and_the_level_of_the_stack_that_is_named(policy_pack: str, tmp_path: Path) -> None:
    def levels(policies: Any, stack: str) -> list[tuple[str, int]]:
        assert policies[-1].name == "bill"
        assert policies[-1].enforcementLevel == said.ADVISORY
        return [(rule.name, level_of(rule.levels.of(stack))) for rule in RULES]

    with serving(policy_pack, tmp_path) as pack:
        info = pack.GetAnalyzerInfo(empty_pb2.Empty())
        assert info.name == "mlgate"
        *ours, bill = info.policies
        assert bill.description == "who changes a stack sees what a month of it costs"
        assert [each.description for each in ours] == [rule.why for rule in RULES]
        assert [each.remediation_steps for each in ours] == [rule.remedy for rule in RULES]
        assert [(each.name, each.enforcementLevel) for each in ours] == levels(info.policies, "prod")
        for stack in ("dev", "staging", "prod", "acme"):
            pack.ConfigureStack(said.AnalyzerStackConfigureRequest(stack=stack))
            info = pack.GetAnalyzerInfo(empty_pb2.Empty())
            assert [(each.name, each.enforcementLevel) for each in info.policies][:-1] == levels(info.policies, stack)


def test_a_resource_that_breaks_a_rule_is_refused_by_name_and_the_others_are_left_alone(serve: Serve) -> None:
    (rule,) = [each for each in RULES if each.name == "wildcard-action"]
    with serve() as pack:
        (found,) = before(pack, asked(POLICY, {"policy": ALL_OF_S3}))
        assert (found.policyName, found.policyPackName, found.enforcementLevel) == (rule.name, "mlgate", said.MANDATORY)
        assert found.message == f"{rule.why}\n{ALLOWS_ALL}\n  -> {rule.remedy}"
        assert before(pack, asked(POLICY, {"policy": "{}"})) == []
        assert before(pack, asked("acme:index:Policy", {"policy": ALL_OF_S3})) == []


def test_a_rule_is_shown_a_resource_whole_and_what_was_registered_before_it(serve: Serve) -> None:
    properties = {
        "text": "a",
        "hidden": UNKNOWN_STRING,
        "members": UNKNOWN_LIST,
        "nested": {"list": ["b", UNKNOWN_STRING, {"deep": UNKNOWN_STRING}], "number": 2, "true": True},
        "secret": SECRET,
    }
    provider = {**REGION, "defaultTags": json.dumps({"tags": {"owner": "ml"}})}
    with serve("staging", **{OWN_FILE: SHOWN}) as pack:
        assert before(pack, asked("acme:index:Beside", name="first")) == []
        assert before(pack, asked("acme:index:Other", name="other")) == []
        (found,) = before(pack, asked("acme:index:Asked", properties, provider=provider, protect=True))
        assert found.enforcementLevel == said.ADVISORY
        assert shown(found) == {
            "type": "acme:index:Asked",
            "name": "it",
            "urn": "urn:pulumi:prod::p::acme:index:Asked::it",
            "properties": {
                "text": "a",
                "hidden": "UNKNOWN",
                "members": "UNKNOWN",
                "nested": {"list": ["b", "UNKNOWN", {"deep": "UNKNOWN"}], "number": 2, "true": True},
                "secret": "hush",
            },
            "protect": True,
            "made_from": {},
            "default_tags": {"owner": "ml"},
            "region": "eu-central-1",
            "others": ["first"],
        }
        assert [shown(each)["others"] for each in before(pack, asked("acme:index:Asked", name="next"))] == [["first", "it"]]
        assert [shown(each)["others"] for each in before(pack, asked("acme:index:Asked", name="it"))] == [["first", "next"]]


@pytest.mark.parametrize(
    ("provider", "tags", "region"),
    [
        (None, {}, None),
        ({"defaultTags": UNKNOWN_STRING, "region": UNKNOWN_STRING}, "UNKNOWN", None),
        ({"defaultTags": {"tags": {"owner": "ml"}}}, {"owner": "ml"}, None),
        ({"defaultTags": "{}", **REGION}, {}, "eu-central-1"),
    ],
)
def test_tags_and_region_are_those_of_the_provider_as_far_as_they_are_known(
    serve: Serve, provider: Mapping[str, Any] | None, tags: Any, region: str | None
) -> None:
    with serve(**{OWN_FILE: SHOWN}) as pack:
        (found,) = before(pack, asked("acme:index:Asked", provider=provider))
        assert (shown(found)["default_tags"], shown(found)["region"], shown(found)["protect"]) == (tags, region, False)


def test_when_the_program_has_ended_a_rule_is_shown_all_that_stands_beside_and_what_came_from_what(serve: Serve) -> None:
    first = made("acme:index:Beside", name="first")
    with serve(**{OWN_FILE: SHOWN}) as pack:
        (found,) = after(
            pack,
            first,
            made("acme:index:Other", name="other"),
            made("acme:index:Asked", {"of": UNKNOWN_STRING}, made_from={"of": [first.urn, "urn:of:nobody"]}),
            made("acme:index:Beside", name="last"),
        )
        assert (found.policyName, found.enforcementLevel, found.urn) == (
            "shown-after",
            said.MANDATORY,
            "urn:pulumi:prod::p::acme:index:Asked::it",
        )
        assert shown(found)["made_from"] == {"of": [first.urn]}
        assert shown(found)["others"] == ["first", "last"]
        assert after(pack, first) == []


def test_the_bill_is_told_of_a_stack_in_a_region_and_of_no_other(serve: Serve) -> None:
    def bills(*resources: Any) -> list[Any]:
        return [each for each in pack.AnalyzeStack(said.AnalyzeStackRequest(resources=resources)).diagnostics if each.policyName == "bill"]

    cluster = "aws:eks/cluster:Cluster"
    with serve(**{PRICES: OWN_PRICES}) as pack:
        (found,) = bills(made(cluster, {"version": "1.35"}, provider=REGION))
        assert (found.enforcementLevel, found.urn) == (said.ADVISORY, "")
        why, sums, remedy = found.message.split("\n")
        assert why == "who changes a stack sees what a month of it costs"
        assert sums.startswith("a month costs, in USD: min 73,000.00, expected 73,000.00, max 73,000.00; prices of 2026-11-20")
        assert remedy == "  -> `mlgate cost` says it line by line, and what is not known"
        assert bills(made(cluster)) == []
        assert bills() == []


def test_an_exception_counts_in_the_stack_that_is_named_and_one_that_has_expired_is_said(
    serve: Serve, capfd: pytest.CaptureFixture[str]
) -> None:
    def refused(name: str) -> list[str]:
        return [each.message.split("\n", 1)[1] for each in before(pack, asked(POLICY, {"policy": ALL_OF_S3}, name=name))]

    with serve(**{FILE: EXCEPTIONS}) as pack:
        assert refused("it") == []
        (found,) = refused("old")
        assert found.startswith(f"{ALLOWS_ALL}\n  the exception of ml until 2020-01-01 (it was new) has expired\n")
        pack.ConfigureStack(said.AnalyzerStackConfigureRequest(stack="dev"))
        assert len(refused("it")) == 1
    ended = "the exception of ml until 2020-01-01 (it was new), from wildcard-action for old, older, has expired and no longer counts\n"
    assert capfd.readouterr().err == ended


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        (FILE, EXCEPTIONS.replace("wildcard-action", "wildcards"), f"{FILE}:4: there is no rule 'wildcards'\n  -> did you mean "),
        (OWN_FILE, "", "RULES is None"),
        (PRICES, OWN_PRICES.replace("100", "a lot"), f"{PRICES}:7: prices[0].amount"),
    ],
)
def test_a_file_that_is_wrong_ends_the_pack_with_its_line(policy_pack: str, tmp_path: Path, name: str, text: str, problem: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, policy_pack], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert problem in done.stderr
    assert "Traceback" not in done.stderr


def test_traffic_is_judged_with_the_ledger_of_the_environment_that_the_pack_runs_for(serve: Serve, at_home: Environment) -> None:
    release = "sha256:" + "ab" * 32
    place = {"home": str(at_home.home), "stage": "local", "service": "toy"}
    moving = asked("pulumi-python:dynamic/mlgate:StableUrl", {**place, "stable": release, "weight": 0})
    serves = asked("pulumi-python:dynamic/mlgate:EndpointProcess", {**place, "release": release, "configuration": release})
    with serve("local") as pack:
        (found,) = before(pack, moving)
        assert "and no endpoint of this stack serves it" in found.message
        assert before(pack, serves) == []
        (found,) = before(pack, moving)
        assert "and no endpoint of this stack serves it" not in found.message
        assert release[7:19] in found.message
