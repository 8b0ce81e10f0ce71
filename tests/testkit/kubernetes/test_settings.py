"""What a provider can be set to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgate_testkit.kubernetes import KubernetesStandIn
from mlgate_testkit.kubernetes.settings import Settings, read_kubeconfig, wrong
from mlgate_testkit.provider.provider import ProviderError
from mlgate_testkit.provider.values import UNKNOWN

CONTENT: dict[str, Any] = {
    "clusters": [{"name": "here", "cluster": {"server": "https://127.0.0.1:1", "certificate-authority": "ca.crt"}}],
    "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    "users": [{"name": "me", "user": {"client-key": "me.key"}}],
    "current-context": "here",
}


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ({"renderYamlToDirectory": "out"}, "renderYamlToDirectory"),
        ({"alwaysRender": True}, "alwaysRender"),
        ({"enableServerSideApply": False}, "enableServerSideApply"),
        ({"enableServerSideApply": "false"}, "enableServerSideApply"),
        ({"deleteUnreachable": "perhaps"}, "deleteUnreachable"),
        ({"kubeconfg": "x"}, "kubeconfg"),
        ({"kubeconfig": "/nowhere/kubeconfig"}, "kubeconfig"),
        ({"kubeconfig": "a: [\n"}, "kubeconfig"),
        ({"kubeconfig": "a: b\nc: d"}, "kubeconfig"),
    ],
)
def test_what_the_stand_in_cannot_do_is_refused_by_name(inputs: dict[str, Any], named: str) -> None:
    assert [failure.property for failure in wrong(inputs)] == [named]


def test_what_the_real_provider_takes_is_taken() -> None:
    flags = ("suppressDeprecationWarnings", "suppressHelmHookWarnings", "deleteUnreachable", "enableServerSideApply")
    given = {**dict.fromkeys(flags, "true"), "clusterIdentifier": "prod", "namespace": "web", "kubeClientSettings": "{}"}
    assert not wrong({**given, "kubeconfig": yaml.safe_dump(CONTENT), "renderYamlToDirectory": ""})


@pytest.mark.parametrize("value", [True, "true"])
def test_a_flag_is_a_boolean_or_its_text(value: Any) -> None:
    assert Settings.of({"deleteUnreachable": value}).delete_unreachable
    assert not Settings.of({}).delete_unreachable


def test_a_cluster_that_is_yet_to_be_made_is_told_from_one_that_nobody_names() -> None:
    assert Settings.of({"kubeconfig": UNKNOWN}).kubeconfig is None
    assert Settings.of({"kubeconfig": {"clusters": UNKNOWN}}).kubeconfig is None
    assert Settings.of({}).kubeconfig == ""


@pytest.mark.parametrize("as_json", [True, False])
def test_a_kubeconfig_is_content_in_yaml_or_json(as_json: bool) -> None:
    assert read_kubeconfig(json.dumps(CONTENT) if as_json else yaml.safe_dump(CONTENT)) == CONTENT


def test_paths_in_a_kubeconfig_file_start_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(CONTENT))
    found = read_kubeconfig(str(path))
    assert found["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca.crt")
    assert found["users"][0]["user"]["client-key"] == str(tmp_path / "me.key")


def test_the_default_cluster_must_be_one() -> None:
    with pytest.raises(ProviderError, match="cannot be read"):
        KubernetesStandIn().use("/nowhere/kubeconfig")
