"""The engine that `ensure_pulumi` gives runs a Python program: components, dynamic providers, file state."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlgate_tools.pulumi import engine_environment, ensure_pulumi

PROJECT = """\
name: engine
runtime: python
backend: {url: "file://FOLDER/state"}
"""

PROGRAM = """\
import sys

import pulumi
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class Provider(ResourceProvider):
    def create(self, props):
        return CreateResult(id_="made", outs={**props, "python": sys.prefix})


class Thing(Resource):
    python: pulumi.Output[str]

    def __init__(self, name, size, opts=None):
        super().__init__(Provider(), name, {"size": size, "python": None}, opts)


class Pair(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("engine:index:Pair", name, None, opts)
        self.thing = Thing(f"{name}-thing", 3, pulumi.ResourceOptions(parent=self))
        self.register_outputs({"python": self.thing.python})


pulumi.export("python", Pair("pair").thing.python)
pulumi.export("program", sys.prefix)
"""


@pytest.mark.engine
def test_a_program_with_a_component_and_a_dynamic_resource_goes_up_and_down(tmp_path: Path, said: list[str]) -> None:
    engine = ensure_pulumi(said.append)
    (tmp_path / "state").mkdir()
    (tmp_path / "Pulumi.yaml").write_text(PROJECT.replace("FOLDER", str(tmp_path)))
    (tmp_path / "__main__.py").write_text(PROGRAM)
    environment = {**os.environ, **engine_environment(), "PULUMI_CONFIG_PASSPHRASE": "", "PULUMI_HOME": str(tmp_path / "home")}

    def pulumi(*arguments: str) -> str:
        command = [str(engine.path), *arguments, "--non-interactive"]
        answer = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    pulumi("stack", "init", "local")
    assert "3 created" in pulumi("up", "--yes", "--skip-preview", "-s", "local")
    assert json.loads(pulumi("stack", "output", "--json", "-s", "local")) == {"python": sys.prefix, "program": sys.prefix}
    assert "3 unchanged" in pulumi("up", "--yes", "--skip-preview", "-s", "local")
    assert "3 deleted" in pulumi("destroy", "--yes", "--skip-preview", "-s", "local")
