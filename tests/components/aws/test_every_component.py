"""What is true of every component on AWS, whatever it makes: recorded with the usual arguments of each."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import mlgate_components.aws as area
from mlgate_components.arguments import ArgumentsError
from mlgate_testkit.lint import RULES, assert_clean, required_tags
from mlgate_testkit.record import Graph, Resource

from .changes.cases import CASES
from .changes.changing import Case

TAGS = {"environment": "dev", "owner": "platform", "cost-center": "4711", "team-mail": "a@b.c", "managed-by": "mlgate"}
SAID = {"environment": "dev", "owner": "platform", "cost_center": "4711", "more": {"team-mail": "a@b.c", "owner": "nobody"}}
CLUSTER, KEY = "aws:eks/cluster:Cluster", "aws:kms/key:Key"
GO_WITH_THE_CLUSTER = {"kubernetes:storage.k8s.io/v1:StorageClass", "kubernetes:helm.sh/v3:Release"}
"""Objects that own nothing outside of it: of charts those whose row of the table says so, which their own test holds."""
EXISTING = [getattr(area, name) for name in area.__all__ if hasattr(getattr(area, name), "existing")]
COMPONENTS = pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)


def recorded(case: Case, *, protected: bool = True) -> Graph:
    return recorded_once(case.title, protected)


@cache
def recorded_once(title: str, protected: bool) -> Graph:
    (case,) = (each for each in CASES if each.title == title)
    args = {**case.usual, **({"tags": SAID} if "tags" in case.usual else {})}
    of_eks = {"vpcConfig": {"clusterSecurityGroupId": "sg-1"}, "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16"}}
    told = dataclasses.replace(case, resources={**case.resources, CLUSTER: of_eks})
    return told.recorded(args if protected else {**args, "deletion_protection": False})


def outputs(made: type) -> set[str]:
    return {name for name, kind in inspect.get_annotations(made).items() if "Output" in str(kind)}


@COMPONENTS
def test_it_keeps_every_rule_of_the_linter_and_all_that_can_have_tags_has_all_of_them(case: Case) -> None:
    graph = recorded(case)
    assert_clean(graph, rules=[*RULES, required_tags("Name", *TAGS)])
    tagged = [tags for found in graph.resources if (tags := found.inputs.get("tags") or found.inputs.get("spec", {}).get("tags"))]
    assert bool(tagged) == ("tags" in case.usual)
    assert all(TAGS.items() <= tags.items() for tags in tagged), "what is said, and whose it is cannot be said otherwise"


@COMPONENTS
def test_its_policies_are_of_iams_present_version_and_those_of_a_key_are_about_that_key(case: Case) -> None:
    for found in recorded(case).resources:
        for argument in ("policy", "assumeRolePolicy"):
            document = json.loads(found.inputs.get(argument, "{}"))
            if "Statement" in document:
                assert document["Version"] == "2012-10-17", f"variables are plain text in the version before: {found}"
                assert found.type != KEY or {statement["Resource"] for statement in document["Statement"]} == {"*"}


@COMPONENTS
def test_all_that_it_makes_stands_in_it(case: Case) -> None:
    graph = recorded(case)
    (component,) = graph.all(case.made)
    given = [found for found in graph.roots if found.type == "pulumi:providers:kubernetes"]
    assert graph.roots == [*given, component]
    assert all(found.parent and found.parent.component for found in component.descendants)


@COMPONENTS
def test_its_parts_are_called_after_it_so_that_an_alias_of_its_name_finds_them_too(case: Case) -> None:
    """Pulumi, "Resource options: aliases": what a child was called follows from its parent's old name where its own begins with that."""
    (component,) = recorded(case).all(case.made)
    assert component.name == "it"
    assert [found for found in component.descendants if found.name != "it" and not found.name.startswith("it-")] == []


@COMPONENTS
@pytest.mark.parametrize("name", ["", "Not a name", "n" * 600])
def test_a_name_that_its_parts_could_not_have_is_refused_before_anything_is_made(case: Case, name: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        case.made(name, case.usual)
    assert {problem.where for problem in refused.value.problems} == {"name"}


@COMPONENTS
def test_it_registers_every_output_that_it_declares_and_no_other(case: Case) -> None:
    (component,) = recorded(case).all(case.made)
    assert set(component.outputs) == outputs(case.made) != set()
    assert None not in component.outputs.values()


@COMPONENTS
def test_nothing_goes_with_something_else_but_what_owns_nothing_outside_of_a_cluster_that_may_go(case: Case) -> None:
    assert {found.type for found in recorded(case).resources if found.deleted_with} == set()
    if "deletion_protection" in case.changes:
        going = [found for found in recorded(case, protected=False).resources if found.deleted_with]
        assert going
        assert {found.type for found in going} <= GO_WITH_THE_CLUSTER
        assert all(of_the_cluster(found.deleted_with) for found in going)


def of_the_cluster(found: Resource | None) -> bool:
    return found is not None and found.type in {CLUSTER, "pulumi:providers:kubernetes"}


@COMPONENTS
def test_what_is_kept_is_protected_and_retained_but_for_what_changes_by_being_replaced(case: Case) -> None:
    """Protected alone is the cluster, which EKS keeps too; retained alone what the provider replaces for every change of its contents."""
    halves = {found.type for found in recorded(case).resources if found.protect != found.retain_on_delete}
    assert halves <= {CLUSTER, "aws:ecr/lifecyclePolicy:LifecyclePolicy"}


@COMPONENTS
def test_it_takes_name_arguments_and_options_as_every_component_does(case: Case) -> None:
    taken = inspect.signature(case.made.__init__).parameters
    assert list(taken) == ["self", "name", "args", "opts"]
    assert taken["opts"].default is None
    assert case.made.__doc__


@pytest.mark.parametrize("made", EXISTING, ids=lambda made: made.__name__)
def test_what_is_there_already_has_the_outputs_of_what_would_be_made(made: type) -> None:
    existing = made.existing  # type: ignore[attr-defined]
    fields = {each.name for each in dataclasses.fields(existing)}
    assert fields - {"kubernetes"} == outputs(made)
    assert existing.__dataclass_params__.frozen


def test_networks_clusters_stores_keys_and_repositories_may_be_there_already() -> None:
    assert {made.__name__ for made in EXISTING} == {"Network", "Cluster", "ModelStorage", "EvidenceStorage", "Key", "ImageRepository"}


def test_the_public_names_are_sorted_and_found_by_who_looks_for_them() -> None:
    assert area.__all__ == sorted(area.__all__)
    assert set(area.__all__) <= set(dir(area))
    with pytest.raises(AttributeError, match="has no attribute 'Clsuter'"):
        _ = area.Clsuter


ONE_OF = {"Ami", "FlowResource", "Share", "Who"}
"""Of whose keys some one is given, which the class says."""


def arguments() -> Iterator[tuple[str, str, str]]:
    """Each key of the arguments of all components, by its class, with its annotation and what is said of it."""
    for path in sorted(Path(area.__path__[0]).rglob("*.py")):
        for made in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(made, ast.ClassDef) and any(ast.unparse(base) == "TypedDict" for base in made.bases):
                for key, told in itertools.pairwise([*made.body, ast.Pass()]):
                    if isinstance(key, ast.AnnAssign):
                        said = ast.literal_eval(told.value) if isinstance(told, ast.Expr) else ""
                        yield f"{made.name}.{ast.unparse(key.target)}", ast.unparse(key.annotation), said


def test_every_argument_says_what_it_is_and_what_holds_where_it_is_left_out() -> None:
    keys = list(arguments())
    assert len(keys) > 100
    assert [key for key, _, said in keys if not said] == []
    open_ended = [key for key, kind, said in keys if "NotRequired" in kind and not re.search("unless|instead of|is one of these", said)]
    assert [key for key in open_ended if key.split(".")[0] not in ONE_OF] == []


LOADS = """
import importlib, pkgutil, sys
import pulumi, pulumi_aws, pulumi_kubernetes
before = set(sys.modules)
import mlgate_components.aws as area
for module in pkgutil.walk_packages(area.__path__, area.__name__ + "."):
    importlib.import_module(module.name)
print(*sorted({name.split(".")[0] for name in set(sys.modules) - before if name.startswith(HEAVY)}))
"""
HEAVY = ("pulumi_aws.", "pulumi_kubernetes.", "cryptography", "securesystemslib", "boto3", "botocore", "yaml", "mlgate_evidence", "numpy")


def test_to_import_all_of_it_loads_no_part_of_a_providers_sdk_and_nothing_else_that_takes_long() -> None:
    program = LOADS.replace("HEAVY", repr(HEAVY))
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
