"""Writes the files that are generated from the code (`--check`: says which are out of date, exit 1)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from platform_page import bill_told, sections

from mlgate.platform import Platform
from mlgate.platform_files import read_platform
from mlgate.platform_rules import AT_LEAST
from mlgate.schema import service_schema
from mlgate_components.aws.gpu.images import image_parameter
from mlgate_components.aws.pins import unpinned
from mlgate_components.provider import SCHEMA
from mlgate_components.provider import schema as components_schema
from mlgate_policies.rule import ENVIRONMENTS as RULED
from mlgate_policies.rules import RULES

DOCS = Path(__file__).parent
EXAMPLE = DOCS.parent / "examples" / "digits" / "service.yaml"
ENVIRONMENT = DOCS.parent / "stacks" / "Pulumi.prod.yaml"

_HEAD = """\
# `service.yaml`, key by key

Generated from the model by `make docs`; editors can use [`service.schema.json`](service.schema.json). Unknown keys, wrong units and
impossible values are errors that name file, line, value and what would be accepted; all errors of a file come at once, and so do those
of its data and of claims that no data could prove (`mlgate validate service.yaml`).
A quantity is text with its unit: durations `50 ms`, rates `200/s`, shares `99.9 %`.

The example's, which is what `make demo` gates by:

```yaml
{example}```

## Hold-out data

`data` and `look_at` name Parquet files with a row for each case:

| column | holds |
|---|---|
| `case_id` | a text or number of its own for each case |
| one for each input, by its name | one case, without the batch: lists nested as the shape, one flat list, or a number where it is one |
| `label` | the right answer as a number; under `answer: argmax` the class, from 0 |
| one for each slice, by its name | a text or number |

No value is NULL, and inputs keep their declared bounds. Other columns are left alone. Rows that repeat inputs and label of
an earlier one are counted and not asked, since a case that is answered twice proves no more.
"""


_ENVIRONMENTS = """\
# Environments on AWS, key by key

Generated from the model by `make docs`. What an environment is made of stands in `stacks/Pulumi.<environment>.yaml` under
`mlgate:platform`, beside the lines that Pulumi keeps there. Unknown keys and impossible values are errors that name file, line, value and
what would be accepted, all of them at once, before anything is made. What is wrong between two values comes with them, where both are well
by themselves.

Two things stand in no file: whose the credentials are, and whether the account's quotas carry the pools. `mlgate bootstrap` and `mlgate
env` ask the first, and refuse those of another account by the line of `account`. `pulumi preview` and `pulumi up` ask both before anything
is registered: the first by a provider of its own, `whose-credentials`, by which nothing is made. The one that makes everything is bound to
the account as well (`allowedAccountIds`).

```
mlgate environments check               # every environment, and the rules between them
mlgate environments diff staging prod   # every value in which two of them differ
```

The example's `prod`; its accounts are those that AWS's documentation uses for examples:

```yaml
{example}```

## Where versions come from

`prod` takes exact versions alone. AWS says which ones it has, here for Kubernetes {kubernetes} on x86-64. (The names are AWS's, as eksctl
asks for them; the commands were not run.)

| pin | what says it |
|---|---|
{versions}| `addons` that are charts | the [table of add-ons](platform-cluster.md#add-ons) has each version |

## Rules between environments

`check` holds each environment against those of the next lower level that there is (`prod`, `staging`, `dev`), and so does
`mlgate bootstrap`.

The rules marked *up*, about what no two environments share, are asked by every run of the program as well (`pulumi preview`, `pulumi up`,
`mlgate cost`, `mlgate remains`), before anything is registered. The others are not, since an update may rightly break them for a while:
prod's deletion protection goes off before a destroy. Where the file of another environment is not well declared, a warning names it, and
the run goes on without that comparison: a mistake in dev should not stop a repair of prod.

| what | rule |
|---|---|
{rules}| `budget.alert_percents` | every share at which the lower one tells somebody |
| `cluster.public_from` | no address that the lower one does not let in |
| `cluster.admins` | nobody who is not an admin of the lower one: by name in the environment's own account, by whole ARN in any other |
| `who` | nobody has a role whom the lower one does not give it: roles and users likewise, pipelines by repository |
| `who`, *up* | a pipeline's deployment environment is of one level: a job that dev lets in, in whatever role, is nobody in prod |
| `who.existing_oidc_providers`, *up* | one environment of an account makes the identity provider of a host, the others name it here |
| `who`, `cluster.admins` | nobody of an account that a lower environment is in: who administers that can be anybody in it |
| `who` | a session of a role that somebody takes lasts no longer than in the lower one |
| its name, *up* | `dev`, `staging` and `prod` are of that level, since policies go by it; 37 characters at most, for its state's bucket |
| `account`, *up* | production shares its account, and with it its state, with no other environment |
| `network.cidr`, *up* | blocks apart from every other environment's, or the two can never be connected |

GitLab tells of a deployment environment its tier alone, and a project has five. So three levels that sign evidence there in jobs of their
own take two projects: one for the gate and one for all else, each with the tiers `development`, `staging` and `production`.

Within an environment, who may take the gate's role is no admin of the cluster and may take no role that opens traffic. That holds for the
environment's own roles too, which can be named like any others: they are known by what they are called, such as `access-gate-` and seven
hex digits. In a program of your own that calls its `Access` otherwise, it is for you to see to.
"""


def environments() -> str:
    """The page about environments: the rules from their table, the keys from the model."""
    rules = "".join(f"| `{'.'.join(rule.at)}` | at least as much as the lower one, so that {rule.why} |\n" for rule in AT_LEAST)
    platform, _ = read_platform(ENVIRONMENT)
    head = _ENVIRONMENTS.format(
        example=ENVIRONMENT.read_text(encoding="utf-8"), kubernetes=platform.cluster.version, versions=versions(platform), rules=rules
    )
    return reference("Platform", Platform.model_json_schema(), head)


# What of a release's name is the version of the image with accelerators.
_GPU_VERSIONS = {"bottlerocket": "up to the hyphen", "al2023": "`v` and the date behind the hyphen, such as `v20240807`"}


def versions(platform: Platform) -> str:
    """What says each pin, by the commands that `mlgate cost` writes for those that are missing."""
    commands = {image: _commands(platform, image) for image in _GPU_VERSIONS}
    anywhere = commands["bottlerocket"]
    gpu = {image: _gpu_command(platform, image, found["pins.nodes_release"]) for image, found in commands.items()}
    rows = [
        ("`eks_addons`, and `addons` of EKS's own", f"`{anywhere['pins.eks_addons.coredns']}`"),
        *((f"`nodes_release` of {image}", f"`{found['pins.nodes_release']}`") for image, found in commands.items()),
        *((f"`gpu_ami.version` of {image}", f"`{command}`, {_GPU_VERSIONS[image]}") for image, command in gpu.items()),
        ("digests of those", f"`{anywhere['pins.addons.karpenter.digest']}` (crane is of go-containerregistry), and so of each other one"),
    ]
    return "".join(map(_row, rows))


def _commands(platform: Platform, image: str) -> dict[str, str]:
    """By pin, where nothing is pinned and the nodes have this image."""
    values = platform.model_dump()
    values["pins"] = {"nodes_image": image, "gpu_ami": values["pins"]["gpu_ami"]}
    return {each.path: each.command for each in unpinned(Platform.model_validate(values))}


def _gpu_command(platform: Platform, family: str, of_nodes: str) -> str:
    """As of the nodes without accelerators, from where AWS publishes the newest image with NVIDIA's drivers."""
    image: Any = SimpleNamespace(wanted=SimpleNamespace(architecture="amd64"), family=family, ami_version="latest")
    folder = image_parameter(image, platform.cluster.version).rpartition("/")[0]
    command, _, parameter = of_nodes.rpartition(" ")
    return f"{command} {folder}/{parameter.rpartition('/')[2]}"


def reference(root: str, schema: dict[str, Any], head: str) -> str:
    """The head, then one table per object of the schema, outermost first."""
    text = [head]
    waiting, seen = [(root, schema)], {root}
    while waiting:
        name, part = waiting.pop(0)
        text.append(f"\n## {name}\n\n{part.get('description', '')}\n\n| key | what it is | type | default |\n|---|---|---|---|\n")
        required = set(part.get("required", []))
        for key, value in part.get("properties", {}).items():
            default = "required" if key in required else f"`{json.dumps(value['default'])}`" if "default" in value else "empty"
            cells = [f"`{key}`", value.get("description", ""), _type(value), default]
            text.append(_row(cells))
            for target in _targets(value):
                if target not in seen:
                    seen.add(target)
                    waiting.append((target, schema["$defs"][target]))
    return "".join(text)


def _row(cells: Iterable[str]) -> str:
    """GitHub takes a bare stroke for the end of a cell, inside of backticks too."""
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |\n"


def _targets(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"].rsplit("/", 1)[1]] if "$ref" in value else []
        return own + [target for key, part in value.items() if key != "discriminator" for target in _targets(part)]
    return [target for part in value for target in _targets(part)] if isinstance(value, list) else []


def _type(value: dict[str, Any]) -> str:
    keyed = value.get("additionalProperties") or next(iter(value.get("patternProperties", {}).values()), None)
    if "$ref" in value:
        name = value["$ref"].rsplit("/", 1)[1]
        text = f"[{name}](#{name.lower()})"
    elif "const" in value or "enum" in value:
        text = ", ".join(f"`{item}`" for item in value.get("enum", [value.get("const")]))
    elif branches := value.get("anyOf") or value.get("oneOf"):
        text = " or ".join(_type(branch) for branch in branches)
    elif "items" in value:
        text = f"list of {_type(value['items'])}"
    elif isinstance(keyed, dict):
        text = f"{_type(keyed)} by name"
    elif "examples" in value:
        text = f"text such as `{value['examples'][0]}`"
    elif "pattern" in value:
        text = f"text that matches `{value['pattern']}`"
    else:
        kind = value.get("type", "any")
        limits = [f"{word} {value[key]}" for key, word in _LIMITS.items() if key in value]
        text = " ".join([_KINDS.get(kind, kind), *limits])
    return text


_KINDS = {"string": "text", "integer": "whole number", "boolean": "yes or no", "null": "nothing"}
_LIMITS = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "over", "exclusiveMaximum": "under"}


def platform() -> str:
    """The overview of the platform, with what the code says of it between its markers."""
    text = (DOCS / "platform.md").read_text(encoding="utf-8")
    for name, content in sections().items():
        text = _between(text, f"<!-- begin {name} -->\n", "<!-- end -->\n", content)
    return text


def _between(text: str, begin: str, end: str, content: str) -> str:
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    assert found, begin
    assert closed, begin
    return before + begin + content + end + after


def policies() -> str:
    """The page about policies, with the table of rules between its markers, and prod's bill as a preview tells it."""
    rows = [
        f"| `{rule.name}`{' †' if rule.at_end else ''} | {rule.why} | {rule.remedy} "
        f"| {' | '.join(rule.levels.of(environment) for environment in RULED)} |"
        for rule in RULES
    ]
    head = [f"| rule | why | what to do | {' | '.join(RULED)} |", f"|---|---|---|{'---|' * len(RULED)}"]
    text = (DOCS / "policies.md").read_text(encoding="utf-8")
    text = _between(text, "<!-- rules -->\n", "<!-- end of rules -->\n", "\n".join([*head, *rows]) + "\n")
    return _between(text, "```text\na month costs", "\n", bill_told().removeprefix("a month costs"))


def pages() -> dict[Path, str]:
    """Each generated file and what it must contain."""
    schema = service_schema()
    service = reference("Service", json.loads(schema), _HEAD.format(example=EXAMPLE.read_text(encoding="utf-8")))
    return {
        DOCS / "service.schema.json": schema,
        DOCS / "service.md": service,
        DOCS / "environments.md": environments(),
        DOCS / "platform.md": platform(),
        DOCS / "policies.md": policies(),
        SCHEMA: components_schema(),
    }


def main() -> int:
    made = pages()
    stale = [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(DOCS.parent)} is out of date\n  -> make docs\n")
        return 1 if stale else 0
    for path in stale:
        path.write_text(made[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
