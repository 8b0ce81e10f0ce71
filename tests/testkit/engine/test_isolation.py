"""What is the user's stays the user's: folders, credentials, Pulumi's own settings; and a run that hangs ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig

import psutil
import pytest

from mlgate import UsageError
from mlgate.environment import CACHE_VARIABLE, cache_folder
from mlgate_serving.identity import birth_of
from mlgate_testkit.engine import UpdateError
from mlgate_testkit.engine.environment import engine_environment, no_clouds
from mlgate_testkit.engine.orphans import Mark, describe, marked, own_mark

STACK_FILE = """\
config:
  shop:size: "3"
  shop:password: {secure: v1:abc}
  shop:tags: {team: data}
"""
PROGRAM = """\
import json, os, sys
from pathlib import Path
import pulumi
import module_beside
config = pulumi.Config()
pulumi.export("size", config.require("size"))
pulumi.export("tags", config.require_object("tags"))
pulumi.export("length", config.require_secret("password").apply(len))
pulumi.export("beside", Path("beside.txt").read_text())
pulumi.export("python", sys.prefix)
pulumi.export("clouds", {key: value for key, value in os.environ.items() if key.startswith(("AWS_", "PULUMI_ACCESS", "GOOGLE_", "KUBE"))})
"""


def sleeping() -> None:
    import time

    time.sleep(600)


def sleeping_after_a_resource() -> None:
    import asyncio

    import pulumi

    site = pulumi.ComponentResource("site:index:Site", "site")
    site.register_outputs({})
    site.urn.apply(lambda _: asyncio.sleep(600))


@pytest.fixture
def infra(tmp_path):
    """A project of a user, with a stack file of its own."""
    folder = tmp_path / "infra"
    (folder / "stacks").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text(
        "name: shop\nruntime: python\nmain: program\nstackConfigDir: stacks\nbackend: {url: 's3://the-real-one'}\n"
    )
    (folder / "stacks" / "Pulumi.prod.yaml").write_text(STACK_FILE)
    (folder / "program").mkdir()
    (folder / "program" / "__main__.py").write_text(PROGRAM)
    (folder / "program" / "beside.txt").write_text("here")
    (folder / "program" / "module_beside.py").write_text("")
    return folder


@pytest.fixture
def with_venv(infra):
    """That project, which asks to run in a virtual environment of its own: one without any package."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", infra / "venv"], check=True)
    project = infra / "Pulumi.yaml"
    project.write_text(project.read_text().replace("runtime: python", "runtime: {name: python, options: {virtualenv: venv}}"))
    return infra


@pytest.mark.engine
def test_a_project_of_a_user_runs_with_its_stack_file_and_is_not_written_to(stack, infra, monkeypatch):
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "PULUMI_ACCESS_TOKEN", "PULUMI_STACK", "GOOGLE_CREDENTIALS", "KUBECONFIG"):
        monkeypatch.setenv(name, "the-real-one")
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    before = {path: path.read_bytes() for path in infra.rglob("*") if path.is_file()}
    prod = stack("prod", program=infra, config={"size": "5"}, secrets={"password": "four"})
    prod.up()
    assert (prod.project, prod.outputs["size"], prod.outputs["tags"], prod.outputs["beside"]) == ("shop", "5", {"team": "data"}, "here")
    assert prod.outputs["length"] == "[secret]"
    assert "the-real-one" not in json.dumps(prod.outputs["clouds"])
    assert prod.outputs["clouds"]["AWS_ACCESS_KEY_ID"]
    assert {path: path.read_bytes() for path in infra.rglob("*") if path.is_file()} == before


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The home of a user who has accounts, in this test that of everything."""
    folder = tmp_path / "user"
    monkeypatch.setenv(CACHE_VARIABLE, str(cache_folder()))
    monkeypatch.setenv("HOME", str(folder))
    for name in ("XDG_CONFIG_HOME", "PULUMI_HOME"):
        monkeypatch.delenv(name, raising=False)
    for path, text in USERS_FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


USERS_FILES = {
    ".aws/credentials": "[default]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n[prod]\naws_access_key_id = AKIAREAL\n",
    ".aws/config": "[profile prod]\nregion = eu-west-1\n",
    ".kube/config": "apiVersion: v1\nkind: Config\nclusters:\n- {name: real, cluster: {server: 'https://real.example'}}\n",
}


@pytest.mark.engine
def test_the_files_of_a_users_accounts_are_not_found_and_the_engine_has_a_home_of_its_own(stack, home):
    def program():
        import boto3
        import pulumi
        from kubernetes import config

        session = boto3.Session()
        pulumi.export("profiles", session.available_profiles)
        pulumi.export("key", session.get_credentials().access_key)
        pulumi.export("region", session.region_name)
        try:
            pulumi.export("clusters", [context["name"] for context in config.list_kube_config_contexts()[0]])
        except config.ConfigException:
            pulumi.export("clusters", None)

    dev = stack("dev", program=program)
    dev.up()
    assert (dev.outputs["profiles"], dev.outputs.get("region"), dev.outputs.get("clusters")) == ([], None, None)
    assert dev.outputs["key"] == "AKIATESTKIT000000000"
    assert not (home / ".pulumi").exists()
    assert not list(dev.engine.home.rglob("*.log")), "nor does it write down all that it does"


def test_every_file_of_a_cloud_and_the_engines_home_lie_where_nothing_of_the_user_does(tmp_path):
    told = no_clouds(tmp_path)
    files = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AZURE_CONFIG_DIR", "CLOUDSDK_CONFIG", "KUBECONFIG")
    assert all(told[name].startswith(f"{tmp_path}/") for name in files)
    assert len({told[name] for name in files}) == len(files)
    assert told["AWS_EC2_METADATA_DISABLED"] == "true"
    assert not [name for name in told if "REGION" in name]
    found = engine_environment({}, home=tmp_path / "h", state=tmp_path, providers={}, marker="m", inherited={"PULUMI_HOME": "/home/u"})
    assert found.items() >= no_clouds(tmp_path / "h").items()
    assert found["PULUMI_HOME"] == str(tmp_path / "h")


@pytest.mark.engine
def test_a_project_with_a_virtual_environment_runs_in_it(stack, with_venv):
    (site,) = (with_venv / "venv").glob("lib/python*/site-packages")
    (site / "of_the_tests.pth").write_text(sysconfig.get_path("purelib"))  # so that pulumi need not be installed again
    prod = stack("prod", program=with_venv, secrets={"password": "four"})
    prod.up()
    assert prod.outputs["python"] == str(with_venv / "venv")
    shutil.rmtree(with_venv / "venv")
    with pytest.raises(UsageError, match="there is none"):
        prod.change(program=with_venv)


@pytest.mark.engine
def test_a_secret_of_the_stack_file_that_the_test_does_not_give_is_asked_for(stack, infra):
    with pytest.raises(UsageError, match="shop:password is encrypted there"):
        stack("prod", program=infra)


@pytest.mark.engine
def test_another_version_of_the_program_goes_on_from_the_same_state(stack, infra):
    prod = stack("prod", program=infra, secrets={"password": "four"})
    prod.up()
    with pytest.raises(UsageError, match="project 'program' is not 'shop'"):
        prod.change(program=sleeping)
    (infra / "program" / "__main__.py").write_text("import pulumi\npulumi.export('now', 'other')\n")
    prod.up()
    assert prod.outputs == {"now": "other"}


@pytest.mark.engine
def test_a_stack_is_made_once_in_a_test(stack):
    stack("dev", program=sleeping)
    with pytest.raises(UsageError, match="this test has a stack 'dev' of program already"):
        stack("dev", program=sleeping)


@pytest.mark.engine
@pytest.mark.parametrize("name", ["", "organisation/dev", "../dev", "d e v"])
def test_a_name_that_no_stack_can_have_is_refused(stack, name):
    with pytest.raises(UsageError, match="is no name of a stack"):
        stack(name, program=sleeping)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("program", "said"),
    [
        (sleeping, "no resource was worked on, so it was the program"),
        (sleeping_after_a_resource, "whatever it had begun has ended by now, so the last of it was slow, or the program"),
    ],
)
def test_a_run_that_does_not_end_is_ended(pulumi_engine, stack, monkeypatch, program, said):
    monkeypatch.setattr(pulumi_engine, "timeout_s", 6)  # a second engine's end would be that of every provider of this process
    dev = stack("dev", program=program)
    with pytest.raises(UpdateError, match=f"did not end within 6 s, and was ended; {said}"):
        dev.up()
    assert not marked(lambda mark: mark.workspace == str(dev.workspace))
    alive = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    servers = [child for child in alive if any(part.endswith("/warm/serve.py") for part in child.cmdline())]
    assert [server.children() for server in servers] == [[]], "the program itself is a child of the Python that waits"


@pytest.mark.engine
def test_an_environment_without_pip_which_the_language_host_asks_is_told_how_to_get_it(stack, with_venv):
    with pytest.raises(UpdateError, match="-m pip list") as failure:
        stack("prod", program=with_venv, secrets={"password": "four"}).up()
    assert "uv pip install pip" in failure.value.remedy


def test_nothing_of_the_users_clouds_is_inherited(tmp_path):
    given = {"AWS_PROFILE": "prod", "KUBECONFIG": "/home/k", "PULUMI_ACCESS_TOKEN": "t", "HOME": "/home/u", "MY_FLAG": "1"}
    found = engine_environment({"PATH": "/bin"}, home=tmp_path, state=tmp_path, providers={"b": 2, "a": 1}, marker="m", inherited=given)
    assert (found["HOME"], found["MY_FLAG"], found["PATH"], found["PULUMI_DEBUG_PROVIDERS"]) == ("/home/u", "1", "/bin", "a:1,b:2")
    assert not {"AWS_PROFILE", "PULUMI_ACCESS_TOKEN"} & set(found)
    assert "/home/k" not in found.values()


def test_a_mark_names_a_process_and_not_a_pid():
    mine = own_mark()
    assert Mark.parse(str(mine)) == mine
    assert not mine.orphaned
    assert Mark(f"{os.getpid()}:another birth").orphaned
    assert Mark("rubbish").orphaned
    assert Mark.parse("rubbish") is None


def test_an_ended_owner_is_an_orphans():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        mark = Mark(f"{child.pid}:{birth_of(child.pid)}")
        assert not mark.orphaned
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert mark.orphaned
    finally:
        child.stdin.close()


def test_a_process_is_described_by_its_command():
    assert str(os.getpid()) in describe(psutil.Process())
