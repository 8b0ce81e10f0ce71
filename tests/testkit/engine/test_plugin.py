"""The fixtures in whole runs of pytest, as a user has them: what passes, what fails and how it reads, and that nothing is left."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlgate_serving.identity import is_running
from tests.rungs import not_run

from .programs import PROGRAM

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.usefixtures("_cache")

# A dynamic resource that starts a process which outlives the engine; its delete ends it, unless it forgets to.
DAEMON = """
def program():
    import os, signal, subprocess
    import pulumi
    from pulumi.dynamic import CreateResult, Resource, ResourceProvider

    class Daemons(ResourceProvider):
        def create(self, props):
            process = subprocess.Popen(["sleep", "600"], stdin=-3, stdout=-3, stderr=-3, start_new_session=True)
            return CreateResult(str(process.pid), {**props})

        def delete(self, id_, props):
            if not props["forgetful"]:
                os.kill(int(id_), signal.SIGKILL)

    class Daemon(Resource):
        pass

    opts = pulumi.ResourceOptions(protect=True)
    Daemon(Daemons(), "daemon", {"forgetful": pulumi.Config().get_bool("forgetful")}, opts)
"""


ON_ONE_CLUSTER = """
import pytest

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "of-a-test"}}
SETTINGS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}


@pytest.mark.parametrize("time", [1, 2])
def test_it(kubernetes_cluster, time):
    objects = kubernetes_cluster.objects
    assert objects.list("Node") == []
    assert objects.find("ConfigMap", "settings") is None
    assert objects.find("Namespace", "of-a-test") is None
    kubernetes_cluster.add_nodes(1)
    kubernetes_cluster.apply([NAMESPACE, SETTINGS, SETTINGS | {"metadata": {"name": "settings", "namespace": "of-a-test"}}])


@pytest.fixture(scope="module")
def shared(kubernetes_cluster):
    kubernetes_cluster.apply(SETTINGS)


@pytest.mark.parametrize("time", [1, 2])
def test_what_tests_share_stays(shared, kubernetes_cluster, time):
    assert kubernetes_cluster.objects.find("ConfigMap", "settings")
"""  # run in this order, on one cluster


@pytest.mark.engine
def test_a_test_of_a_user_passes_and_fails_when_the_stack_breaks(run):
    test = PROGRAM + "def test_size(stack):\n    dev = stack('dev', program=program, config={'size': '3'})\n    dev.up()\n"
    run(test + "    assert dev.outputs['size'] == '3'\n").assert_outcomes(passed=1)
    broken = run(test.replace("pulumi.export", "raise ValueError('no quota')  # pulumi.export"))
    broken.assert_outcomes(failed=1)
    broken.stdout.fnmatch_lines(["*UpdateError: pulumi up of stack dev: *", "*ValueError: no quota*"])
    assert "engine/process.py" not in broken.stdout.str(), "a failure shows the test's lines and not the testkit's"


def test_the_plugin_costs_other_runs_nothing(pytester):
    pytester.makepyfile(
        "def test_light():\n    import sys\n    assert not {'pulumi', 'psutil', 'yaml', 'grpc', 'boto3'} & set(sys.modules)"
    )
    environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "mlgate_testkit.pytest_plugin"]
    done = subprocess.run(command, cwd=pytester.path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_package_that_is_not_installed_is_named_with_the_command_that_installs_it(run, pytester):
    pytester.makeconftest(
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'psutil':\n"
        "            raise ModuleNotFoundError(\"No module named 'psutil'\", name=name)\n"
        "sys.modules.pop('psutil', None)\n"
        "sys.meta_path.insert(0, Absent())\n"
    )
    done = run("def test_it(stack):\n    pass\n", "-p", "no:xdist")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["the package psutil is not installed", "*pip install '.[[]testkit[]]'"])
    assert "Traceback" not in done.stdout.str()


def test_one_simulated_cloud_serves_a_whole_run_empty_for_each_test(run):
    test = (
        "def test_N(simulated_aws):\n"
        "    keys = {'region_name': 'us-east-1', 'aws_access_key_id': 'x', 'aws_secret_access_key': 'x'}\n"
        "    s3 = boto3.client('s3', endpoint_url=simulated_aws.endpoint(), **keys)\n"
        "    PIDS.add(simulated_aws.pid)\n"
        "    assert len(PIDS) == 1\n"
        "    assert s3.list_buckets()['Buckets'] == []\n"
        "    s3.create_bucket(Bucket='models')\n"
    )
    both = test.replace("test_N", "test_1") + test.replace("test_N", "test_2")
    run("import boto3\nPIDS = set()\n" + both, "-p", "no:xdist").assert_outcomes(passed=2)


@pytest.mark.cluster
def test_one_cluster_serves_a_whole_run_with_no_nodes_and_objects_of_the_test_before(run):
    run(ON_ONE_CLUSTER, "-p", "no:xdist").assert_outcomes(passed=4)


def test_a_fault_that_was_ordered_and_never_came_fails_its_test(run):
    done = run("def test_it(simulated_aws):\n    simulated_aws.fail('create', 'aws:s3/bucket:Bucket')\n")
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(
        ["*provider aws: what was ordered never came:*", "*fail('create', 'aws:s3/bucket:Bucket'): 0 such requests came*"]
    )
    assert "Traceback" not in done.stdout.str()
    assert done.stdout.str().count("what was ordered never came") == 2, "once where it is told, once in the summary"


@pytest.mark.parametrize("version", [None, "v3.100.0"])
def test_an_engine_that_is_missing_or_too_old_is_told_with_the_remedy(run, tmp_path, monkeypatch, version):
    monkeypatch.setenv("MLGATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    if version:
        program(tmp_path / "pulumi", f"echo {version}")
    done = run("def test_it(stack):\n    pass\n")
    done.assert_outcomes(errors=1)
    told = ["the Pulumi engine is not on this machine", "*python -m mlgate_tools*Pulumi 3.231 or newer*"]
    done.stdout.fnmatch_lines([told[0], *(["*is 3.100.0, older than 3.231.0*"] if version else []), told[1]])


def program(path: Path, text: str) -> None:
    """A shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.engine
def test_a_daemon_that_the_destroy_ends_is_no_leak_and_a_forgotten_one_is_ended_and_named(run):
    test = DAEMON + "def test_it(stack):\n    stack('dev', program=program, config={'forgetful': 'no'}).up()\n"
    run(test.replace("'no'", "'false'")).assert_outcomes(passed=1)
    leaking = run(test.replace("'no'", "'true'"))
    leaking.assert_outcomes(passed=1, errors=1)
    leaking.stdout.fnmatch_lines(["stack dev: left behind, and known to no state (now removed):", "*sleep 600 (process *)"])
    ((pid),) = [line.split("process ")[1].rstrip(")") for line in leaking.outlines if "sleep 600 (process" in line][:1]
    assert not is_running(int(pid))


@pytest.mark.engine
def test_two_runs_at_once_share_the_engine_and_nothing_else(run):
    tests = "".join(
        f"def test_{n}(stack):\n    dev = stack('dev', program=program)\n    dev.up()\n    assert dev.preview().nothing()\n" for n in (1, 2)
    )
    run(PROGRAM + tests, "-n", "2").assert_outcomes(passed=2)


@pytest.mark.engine
@pytest.mark.parametrize("size", ["28k", "48k", "72k"])
def test_a_full_disk_is_told_with_the_place(pytester, size):
    pytester.makepyfile(test_it=PROGRAM + "def test_it(stack):\n    stack('dev', program=program).up()\n")
    mount = f"mkdir small && mount -t tmpfs -o size={size} tmpfs small"
    inner = f"{mount} && {sys.executable} -m pytest -p no:cacheprovider --basetemp small/tmp"
    done = subprocess.run(["unshare", "--map-root-user", "--mount", "sh", "-c", inner], capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "mount" in done.stderr:
        not_run(f"this machine does not allow a file system of one's own: {done.stderr.strip()}")
    assert done.returncode == 1
    assert re.search(r"^E .*no space left on device", done.stdout, flags=re.MULTILINE)
    assert "-> free room for the temporary directory" in done.stdout


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("""echo '{"sequence":1,"resourcePreEvent":{"step":"create"}}'""", "*line 1: KeyError: 'metadata'*"),
        ("echo 'started: yes'", "*line 1: *"),
        ("true", "*it has no summary*"),
    ],
)
def test_an_engine_whose_events_have_another_shape_is_told(run, tmp_path, monkeypatch, log, words):
    """The programs here are stand-ins for an engine of the future."""
    program(tmp_path / "pulumi-language-python", "true")
    script = (
        'case "$*" in\n'
        "  version*) echo v3.400.0 ;;\n"
        '  "stack init"*) echo "encryptionsalt: v1:x" > Pulumi.dev.yaml\n'
        "    mkdir -p $STATE; echo '{\"checkpoint\": {}}' > $STATE/dev.json ;;\n"
        f"  up*) while [ $# -gt 0 ]; do [ $1 = --event-log ] && ({log}) > $2; shift; done ;;\n"
        "esac"
    )
    program(tmp_path / "pulumi", "STATE=${PULUMI_BACKEND_URL#file://}/.pulumi/stacks/program\n" + script)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    done = run(PROGRAM + "def test_it(stack):\n    stack('dev', program=program).up()\n")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*the events of Pulumi 3.400.0 are not in the shape this version of mlgate reads*", "*update mlgate*"])
    done.stdout.fnmatch_lines([words])
