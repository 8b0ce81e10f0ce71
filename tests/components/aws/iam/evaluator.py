"""iam-simulate, which judges policies as IAM does: npm's package, by its lock file, in the per-user cache.

It is under the AGPL and is a tool of these tests: nothing of mlgate contains or calls it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.npm import npm_packages

HERE = Path(__file__).parent
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


def judge(
    services: Iterable[str],
    identities: Mapping[str, Identity],
    resources: Mapping[str, Mapping[str, Any] | None],
    *,
    of_each_kind: bool = False,
) -> Judged:
    """Every action of the services, by every identity, on every resource with its own policy; `*` for actions that have no resource.

    `of_each_kind`: also on one of every kind of resource that the services have, of the same account and called "foreign": no action is
    allowed and unseen because nothing was asked about that it is for.
    """
    question = {
        "services": list(services),
        "identities": {
            name: {"arn": each.arn, "policies": each.policies, "context": each.context, "strict": each.strict}
            for name, each in identities.items()
        },
        "resources": {arn: {"account": _account(arn), "policy": policy} for arn, policy in resources.items()},
        "elsewhere": {"Partition": "aws", "Region": "eu-central-1", "Account": OURS} if of_each_kind else None,
    }
    answer = json.loads(_run([str(HERE / "evaluate.mjs"), str(npm_packages("iam-simulate", HERE))], json.dumps(question)))
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


def _run(arguments: list[str], question: str) -> str:
    done = subprocess.run(["node", *arguments], input=question, capture_output=True, text=True, check=False, timeout=JUDGING_S)
    assert done.returncode == 0, done.stderr
    return done.stdout
