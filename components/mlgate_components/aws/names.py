"""What AWS takes as names, ARNs, lists and numbers of days: checked before anything is made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from mlgate_components.arguments import Wrong

__all__ = ["AUTOMATIC", "BUCKET", "KMS_KEY", "ROLE", "ROLE_NAME", "Arn", "check_arn", "check_days", "check_name", "check_once"]

AUTOMATIC = 8
"""Characters that Pulumi puts behind a name of its own: a hyphen and seven hex digits (pulumi-aws, provider/resources.go)."""
ROLE_NAME = 64 - AUTOMATIC
"""Characters of the name of a role here (IAM user guide, "IAM and STS quotas"), before what Pulumi puts behind it."""


class Arn(NamedTuple):
    """A kind of ARN (Service Authorization Reference, "Resource types defined by" each service)."""

    pattern: str
    example: str

    def fits(self, text: str) -> bool:
        """Whether it is one: whole, and of ASCII, which is all that AWS's ARNs have."""
        return re.fullmatch(self.pattern, text, re.ASCII) is not None


ROLE = Arn(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", "arn:aws:iam::123456789012:role/trainer")
BUCKET = Arn(r"arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "arn:aws:s3:::models")
KMS_KEY = Arn(
    r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[\w-]+", "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
)


def check_name(name: str, wrong: Wrong, *, at_most: int) -> None:
    """The name of a component whose parts are called after it."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        wrong.add("name", f"is {name!r}", "lower-case letters, digits and single hyphens, a letter first")
    elif len(name) > at_most:
        wrong.add("name", f"is {name!r}, {len(name)} characters", f"{at_most} at most, since its parts are called after it")


def check_once(values: Sequence[Any], wrong: Wrong, path: str) -> None:
    """Each value once, and none empty. What is not known yet may be any."""
    known: list[str] = []
    for index, value in enumerate(values):
        if not isinstance(value, str):
            continue
        if not value:
            wrong.add(f"{path}[{index}]", "is empty", "give it, or leave it out")
        elif value in known:
            wrong.add(f"{path}[{index}]", f"is {value!r} a second time", "each once")
        known.append(value)


def check_days(days: int, wrong: Wrong, path: str, *, least: int = 1, most: int) -> None:
    """A number of days that the service takes."""
    if not least <= days <= most:
        wrong.add(path, f"is {days}", f"{least} to {most} days")


def check_arn(value: Any, wrong: Wrong, path: str, kind: Arn) -> None:
    """An ARN of that kind. What is not known yet may be any."""
    if isinstance(value, str) and not kind.fits(value):
        wrong.add(path, f"is {value!r}", f"an ARN such as {kind.example}")
