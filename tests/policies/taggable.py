"""Which types of the installed pulumi_aws take tags, read from its sources; `python -m tests.policies.taggable` writes the rules' list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import mlgate_policies

LIST = Path(mlgate_policies.__file__).with_name("taggable.txt")
_TOKEN = re.compile(r"super\(\w+, __self__\)\.__init__\(\s*'(aws:[^']+)'")
# A map of texts, or the list of autoscaling groups; DevOps Guru's `tags` is a filter.
_TAGS = re.compile(r"\n\s+tags: pulumi\.Input\[Optional\[(Mapping\[str, |Sequence\[pulumi\.Input\[Union\['GroupTagArgs')")


def taggable() -> Iterator[str]:
    package = distribution("pulumi_aws")
    for path in package.files or ():
        if path.suffix == ".py":
            source = Path(str(package.locate_file(path))).read_text(encoding="utf-8")
            if (token := _TOKEN.search(source)) and _TAGS.search(source.partition("def _internal_init")[2].partition("__props__=None")[0]):
                yield token[1]


if __name__ == "__main__":
    version = distribution("pulumi_aws").version
    head = f"# Types of AWS that take tags, as pulumi_aws {version} has them; tests/policies/taggable.py writes this."
    LIST.write_text("\n".join([head, *sorted(taggable())]) + "\n", encoding="utf-8")
