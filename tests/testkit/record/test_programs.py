"""Programs that know nothing of us, run as Pulumi does it: `aws-py-s3-folder` and `aws-py-eks` of github.com/pulumi/examples, rebuilt."""

import json
import sys
from pathlib import Path

import pulumi_aws as aws
import pytest

from mlgate.errors import UsageError
from mlgate_testkit.lint import RULES, lint
from mlgate_testkit.record import Asset, Secret, record

PROGRAMS = Path(__file__).parent / "programs"
ZONES = {"aws:index/getAvailabilityZones:getAvailabilityZones": {"names": ["a", "b", "c"]}}


def test_a_website_is_recorded_with_its_pages_and_its_policy():
    graph = record(PROGRAMS / "static_site", stack="prod")
    assert (graph.project, graph.stack) == ("static-site", "prod")
    assert [page.inputs["contentType"] for page in graph.all(aws.s3.BucketObjectv2)] == ["text/html", "text/html"]
    assert graph.one(aws.s3.BucketObjectv2, "index.html").inputs["source"] == Asset(path="www/index.html")
    policy = json.loads(graph.one(aws.s3.BucketPolicy).inputs["policy"])
    assert policy["Statement"][0]["Resource"] == "<arn of Bucket site>/*"
    assert graph.outputs == {"url": "http://<websiteEndpoint of BucketWebsiteConfiguration site>"}
    assert graph.one(aws.s3.BucketPolicy).needs(graph.one(aws.s3.Bucket))


def test_a_website_is_what_the_lint_says_it_is():
    found = {(finding.rule, finding.resource.rpartition(":")[2], finding.property) for finding in lint(record(PROGRAMS / "static_site"))}
    assert ("public-bucket", "BucketPolicy", "policy") in found
    assert ("public-bucket", "BucketPublicAccessBlock", "block_public_policy") in found
    assert ("unprotected-state", "Bucket", "protect") in found
    silent = {"missing-dependency", "misspelt-policy", "secret-in-clear", "name-limits", "stray-child"}
    assert {rule.name for rule in RULES} - {rule for rule, _, _ in found} == silent


def test_a_cluster_is_recorded_from_its_main_folder_with_its_stack_file():
    graph = record(PROGRAMS / "cluster", stack="dev", invokes=ZONES)
    nodes = graph.one("aws:eks/nodeGroup:NodeGroup")
    assert nodes.inputs["scalingConfig"] == {"desiredSize": 2, "minSize": 1, "maxSize": 4}
    assert nodes.inputs["subnetIds"] == ["<id of Subnet cluster-0>", "<id of Subnet cluster-1>"]
    assert nodes.needs(graph.one("aws:ec2/vpc:Vpc"))
    assert {key: graph.outputs[key] for key in ("folder", "root")} == {"folder": "program", "root": "cluster"}
    assert nodes.made_by is not None
    assert nodes.made_by.startswith("tests/testkit/record/programs/cluster/program/__main__.py:")
    assert graph.one("aws:ec2/subnet:Subnet", "cluster-1").children[0].path == "cluster-1/cluster-1"


def test_what_a_test_configures_goes_before_the_stack_file():
    graph = record(PROGRAMS / "cluster", stack="dev", config={"nodes": 3}, invokes=ZONES)
    assert graph.one("aws:eks/nodeGroup:NodeGroup").inputs["scalingConfig"]["desiredSize"] == 3


def test_an_encrypted_value_of_the_stack_file_is_a_marked_secret_until_a_test_gives_one():
    def token(**options):
        return record(PROGRAMS / "cluster", stack="dev", invokes=ZONES, **options).outputs["token"]

    assert token() == Secret("<config cluster:token>")
    assert token(config={"token": "abc"}) == token(config={"token": Secret("abc")}) == Secret("abc")


def test_a_program_leaves_neither_modules_nor_bytecode_nor_paths(tmp_path):
    before = (list(sys.path), Path.cwd())
    record(PROGRAMS / "cluster", stack="dev", invokes=ZONES)
    assert "network" not in sys.modules
    assert (list(sys.path), Path.cwd()) == before
    assert not list(PROGRAMS.rglob("__pycache__"))


def test_two_recordings_share_no_state(tmp_path):
    (tmp_path / "__main__.py").write_text("import pulumi, counted\ncounted.calls.append(1)\npulumi.export('calls', len(counted.calls))\n")
    (tmp_path / "counted.py").write_text("calls = []\n")
    assert [record(tmp_path).outputs["calls"] for _ in range(2)] == [1, 1]


def test_an_edit_within_the_same_second_is_seen(tmp_path):
    (tmp_path / "__main__.py").write_text("import pulumi, value\npulumi.export('value', value.value)\n")
    for number in range(3):
        (tmp_path / "value.py").write_text(f"value = {number}\n")
        assert record(tmp_path).outputs == {"value": number}


def test_a_module_of_the_same_name_comes_back_to_the_test(tmp_path, monkeypatch):
    mine = type(sys)("settings_of_mine")
    monkeypatch.setitem(sys.modules, "settings_of_mine", mine)
    (tmp_path / "settings_of_mine.py").write_text("value = 1\n")
    (tmp_path / "__main__.py").write_text("import pulumi, settings_of_mine\npulumi.export('value', settings_of_mine.value)\n")
    assert record(tmp_path).outputs == {"value": 1}
    assert sys.modules["settings_of_mine"] is mine


def test_an_sdk_that_lies_beside_the_program_is_imported_once(tmp_path, monkeypatch):
    (tmp_path / "pulumi_beside.py").write_text("import itertools\ncalls = itertools.count()\n")
    (tmp_path / "__main__.py").write_text("import pulumi, pulumi_beside\npulumi.export('calls', next(pulumi_beside.calls))\n")
    monkeypatch.setitem(sys.modules, "pulumi_beside", None)  # so that it is taken out again
    monkeypatch.delitem(sys.modules, "pulumi_beside")
    assert [record(tmp_path).outputs["calls"] for _ in range(2)] == [0, 1]


def test_modules_imported_late_are_still_the_programs_own(tmp_path):
    (tmp_path / "late.py").write_text("value = 'late'\n")
    (tmp_path / "__main__.py").write_text(
        "import pulumi\ndef read(_):\n    import late\n    return late.value\npulumi.export('x', pulumi.Output.from_input(1).apply(read))\n"
    )
    assert record(tmp_path).outputs == {"x": "late"}


def test_a_file_is_a_program_too(tmp_path):
    (tmp_path / "stack.py").write_text("import pulumi\npulumi.export('project', pulumi.get_project())\n")
    assert record(tmp_path / "stack.py", project="mine").outputs == {"project": "mine"}


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "no Python program at"),
        ({"Pulumi.yaml": "name: [x\n__main__"}, "cannot be read"),
        ({"Pulumi.yaml": "- x"}, "holds list"),
        ({"Pulumi.yaml": "name: x\nmain: nowhere/"}, "nowhere"),
    ],
)
def test_a_folder_that_is_no_program_is_named(tmp_path, files, says):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=says):
        record(tmp_path)
