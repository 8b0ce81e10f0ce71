"""iam-simulate, which judges policies as IAM does: npm's package, by its lock file, in the per-user cache.

It is under the AGPL and is a tool of these tests: nothing of mlgate contains or calls it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlgate.environment import cache_folder
from mlgate.errors import ToolError
from mlgate_tools.cache import Slot, install
from mlgate_tools.tool import platform_name
from tests.rungs import not_run

HERE = Path(__file__).parent
LISTS = ("package.json", "package-lock.json")
GETTING_S = 300
JUDGING_S = 120


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks: an ARN, its own policies, and what is known of it for certain. `strict`: nothing else is taken as met."""

    arn: str
    policies: tuple[Mapping[str, Any], ...] = ()
    context: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """Who may do what on which resource; the kinds of resource that each action is for; why an action on a resource is no request at all;
    how much was asked, and how much of it of iam-simulate.
    """

    allowed: set[tuple[str, str, str]]
    about: Mapping[str, list[str]]
    impossible: Mapping[str, str]
    asked: int
    simulated: int


def judge(services: Iterable[str], identities: Mapping[str, Identity], resources: Mapping[str, Mapping[str, Any] | None]) -> Judged:
    """Every action of the services, by every identity, on every resource with its own policy; `*` for actions that have no resource."""
    question = {
        "services": list(services),
        "identities": {
            name: {"arn": each.arn, "policies": each.policies, "context": each.context, "strict": each.strict}
            for name, each in identities.items()
        },
        "resources": {arn: {"account": _account(arn), "policy": policy} for arn, policy in resources.items()},
    }
    answer = json.loads(_run([str(HERE / "evaluate.mjs"), str(_folder())], json.dumps(question)))
    return Judged(
        {(identity, action, resource) for identity, action, resource in answer["allowed"]},
        answer["about"],
        answer["impossible"],
        answer["asked"],
        answer["simulated"],
    )


OURS = "123456789012"


def _account(arn: str) -> str:
    return arn.split(":")[4] if arn.count(":") >= 5 and arn.split(":")[4] else OURS


def _folder() -> Path:
    """Where the package lies; it is got if need be. Where it cannot be had the test is not run."""
    if not (shutil.which("node") and shutil.which("npm")):
        not_run("judging policies needs node and npm on PATH; on Debian: apt-get install nodejs npm")
    pinned = json.loads((HERE / LISTS[0]).read_text())["dependencies"]["@cloud-copilot/iam-simulate"]
    digest = hashlib.sha256((HERE / LISTS[1]).read_bytes()).hexdigest()[:8]
    slot = Slot("iam-simulate", f"{pinned}-{digest}", platform_name(), cache_folder() / "tools")
    try:
        install(slot, _fill, print)
    except ToolError as error:
        not_run(str(error))
    return slot.folder


def _fill(folder: Path, _workspace: Path) -> str:
    for name in LISTS:
        shutil.copyfile(HERE / name, folder / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"]
    try:
        subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=GETTING_S)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise ToolError(
            f"npm did not get it: {str(error.stderr)[-300:]}", where="iam-simulate", remedy="see npm's own configuration"
        ) from error
    return "npm"


def _run(arguments: list[str], question: str) -> str:
    done = subprocess.run(["node", *arguments], input=question, capture_output=True, text=True, check=False, timeout=JUDGING_S)
    assert done.returncode == 0, done.stderr
    return done.stdout
