"""The tables of tags, metadata, disks and backups: nothing that pulumi_aws has is forgotten."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mlgate_policies.disks import ENCRYPTED, MACHINES, MAPPED, VOLUMES
from mlgate_policies.naming import IMAGES
from mlgate_policies.network import TOKENS
from mlgate_policies.storage import BACKUPS

from .asking import rule
from .table_inputs import LEFT_OUT, NAMED, found_for

READ: Mapping[str, set[str]] = {
    "mutable-tag": {f"{kind}.imageTagMutability" for kind in IMAGES},
    "imdsv1": {f"{kind}.{path}" for kind, (path, _) in TOKENS.items()},
    "plain-disk": {
        *(f"{kind}.{path}.ebs.encrypted" for kind, path in MAPPED.items()),
        *(f"{kind}.{path}.encrypted" for kind, path in MACHINES.items()),
        *(f"{kind}.{above}{dot}ebsBlockDevices.encrypted" for kind, path in MACHINES.items() for above, dot, _ in [path.rpartition(".")]),
        *(f"{kind}.{path}{'.' * bool(path)}encrypted" for kind, path in VOLUMES.items()),
        *(f"{kind}.{path}" for kind, paths in ENCRYPTED.items() for path in paths),
    },
    "missing-backup": {f"{kind}.{path}" for kind, (path, _) in BACKUPS.items()},
}


@pytest.mark.parametrize("name", NAMED)
def test_every_such_input_of_the_sdk_is_read_or_left_out_for_a_reason(name: str) -> None:
    of_aws = {each for each in READ[name] if each.startswith("aws:")}
    left_out = [each for entries in LEFT_OUT[name].values() for each in entries]
    assert of_aws <= found_for(name), "there is no such input"
    assert sorted(found_for(name) - of_aws) == sorted(left_out), "name it in the rule's table, or in LEFT_OUT"


@pytest.mark.parametrize("name", NAMED)
def test_the_rule_is_asked_about_every_type_of_its_tables(name: str) -> None:
    assert {each.partition(".")[0] for each in READ[name] if each.startswith("aws:")} <= rule(name).types
