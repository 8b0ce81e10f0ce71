"""Whose credentials these are: those of another account are refused with the line that says which, before anything is asked or made."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws

from mlgate import StackError, UsageError
from mlgate.platform_files import read_platform
from mlgate_cli.main import app
from mlgate_delivery.account import session_of
from mlgate_delivery.project import Project
from mlgate_delivery.recover_remote import recover_remote
from mlgate_delivery.remote_state import RemoteState
from tests.core.platforms import USUAL, write

THEIRS = "123456789012"  # moto's own; the environment's is another
MINE = USUAL["account"]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account that is not the environment's, and nothing of the user's."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the environment dev, which has a stack."""
    (tmp_path / "Pulumi.yaml").write_text("name: ours\nruntime: python\nstackConfigDir: stacks\n", encoding="utf-8")
    (tmp_path / "stacks").mkdir()
    write(tmp_path / "stacks", "dev", USUAL)
    return tmp_path


@pytest.fixture
def state(project: Path) -> RemoteState:
    return RemoteState("dev", *read_platform(project / "stacks" / "Pulumi.dev.yaml"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What AWS is asked, by name."""
    names: list[str] = []
    real = BaseClient._make_api_call

    def call(self: BaseClient, name: str, given: dict[str, Any]) -> Any:
        names.append(name)
        return real(self, name, given)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return names


def said(path: Path) -> str:
    """What is to be said of another account: path, line, both accounts, who it is, and what to do."""
    line = path.read_text(encoding="utf-8").splitlines().index(f"    account: '{MINE}'") + 1
    who = f"{THEIRS} (arn:aws:sts::{THEIRS}:user/moto)"
    take = "export AWS_PROFILE=..., or run aws sso login), or correct the environment's account\n"
    return f"{path}:{line}: account is {MINE}, and the credentials are of {who}\n  -> take credentials of that account ({take}"


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(("verb", "printed"), [(["bootstrap"], ""), (["env"], "false\n"), (["env", "--recover"], "false\n")])
def test_every_verb_that_needs_an_account_says_which_line_is_of_another_one(
    verb: list[str],
    printed: str,
    project: Path,
    asked: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "argv", ["mlgate", verb[0], "dev", *verb[1:]])
    with pytest.raises(SystemExit) as left:
        app()
    assert (left.value.code, asked) == (2, ["GetCallerIdentity"])
    assert capsys.readouterr() == (printed, f"mlgate: {said(project / 'stacks' / 'Pulumi.dev.yaml')}")


@pytest.mark.usefixtures("account")
def test_in_another_account_nothing_is_recovered_since_nothing_would_be_found(state: RemoteState, asked: list[str]) -> None:
    with pytest.raises(UsageError, match=f"the credentials are of {THEIRS}"):
        recover_remote(state, Project(Path(), "ours", Path()), print)
    assert asked == ["GetCallerIdentity"]


def test_no_credentials_are_said_with_the_way_to_get_some(state: RemoteState, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(UsageError, match="there are no AWS credentials") as error:
        session_of(state)
    assert "aws sso login" in error.value.remedy


@pytest.mark.usefixtures("account")
def test_a_profile_that_is_not_there_and_a_token_that_has_expired_are_no_traceback(
    state: RemoteState, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as named:
        named.setenv("AWS_PROFILE", "nowhere")
        with pytest.raises(
            StackError, match=r"AWS does not say whose they are: The config profile \(nowhere\) could not be found"
        ) as error:
            session_of(state)
        assert (error.value.where, "AWS_PROFILE" in error.value.remedy) == ("credentials", True)

    def expired(_self: BaseClient, name: str, _given: dict[str, Any]) -> Any:
        answer: Any = {"Error": {"Code": "ExpiredToken", "Message": "The security token is expired"}}
        raise ClientError(answer, name)

    monkeypatch.setattr(BaseClient, "_make_api_call", expired)
    with pytest.raises(StackError, match=r"AWS does not say whose they are: .* The security token is expired"):
        session_of(state)


MLGATE = Path(sys.executable).with_name("mlgate")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("prod", "Pulumi.prod.yaml: there is no such file"),
        ("prod --recovr", "No such option: --recovr"),
        ("prod dev", "unexpected extra argument"),
        ("", "Missing argument"),
        ("dev --help", ""),
    ],
)
def test_what_stands_behind_an_environment_that_is_not_there_or_not_asked_for_well_does_not_run(
    asked: str, said: str, project: Path
) -> None:
    for script in (f'eval "$({MLGATE} env {asked})" && echo went on', f'set -e; eval "$({MLGATE} env {asked})"; echo went on'):
        done = subprocess.run(["bash", "-c", script], cwd=project, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr if said else not done.stderr


def test_nor_does_it_where_the_verb_is_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> Project:
        raise KeyboardInterrupt

    monkeypatch.setattr(Project, "find", interrupted)
    with pytest.raises(SystemExit) as left:
        app(["env", "dev"])
    assert (left.value.code, capsys.readouterr().out) == (130, "false\n")


@pytest.mark.parametrize(("asked", "printed"), [(["prod", "--json"], "{"), (["prod", "--json", "--recovr"], "")])
def test_who_asks_for_json_gets_no_shell(asked: list[str], printed: str, project: Path) -> None:
    done = subprocess.run([MLGATE, "env", *asked], cwd=project, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout[:1] == printed


def test_the_help_of_what_a_shell_carries_out_is_comments_for_a_pipe_and_as_ever_for_a_person(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown() -> str:
        with pytest.raises(SystemExit) as left:
            app(["env", "--help"])
        assert left.value.code == 0
        return capsys.readouterr().out

    *lines, last = shown().splitlines()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert ["# " + line for line in shown().splitlines()] == lines
    assert (lines[0].startswith("# Usage: "), last) == (True, "false")
