"""A cluster that is not there, not yet there, or not there any more."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from mlgate_testkit.kubernetes import KubernetesStandIn
from mlgate_testkit.provider.provider import ProviderError, State
from mlgate_testkit.provider.values import UNKNOWN, Secret

from .values import Asked, deployment, made, resource


@pytest.fixture
def nowhere() -> Iterator[str]:
    """The kubeconfig of a port that is held and does not listen."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield yaml.safe_dump(
            {
                "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{held.getsockname()[1]}"}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "web"}}],
                "current-context": "c",
            }
        )


def asked(**settings: Any) -> Asked:
    return Asked(KubernetesStandIn().configure(settings))


OLD = State("web/settings", made("ConfigMap", "settings", data={"a": "1"}), {"metadata": {"name": "settings"}})


def test_a_preview_on_a_cluster_that_this_update_makes_repeats_the_inputs() -> None:
    planned = asked(kubeconfig=UNKNOWN).preview(deployment())
    assert planned["spec"] == deployment()["spec"]
    assert planned["status"] is UNKNOWN
    assert planned["metadata"]["uid"] is UNKNOWN


def test_unknown_inputs_stay_unknown() -> None:
    planned = asked(kubeconfig=UNKNOWN).preview(made("ConfigMap", data={"url": UNKNOWN}))
    assert planned["data"] == {"url": UNKNOWN}
    provider = asked(kubeconfig=UNKNOWN)
    for about in (UNKNOWN, {"name": UNKNOWN}, {"name": "a", "annotations": UNKNOWN}, {"annotations": UNKNOWN}):
        checked = provider.check({**made("ConfigMap"), "metadata": about})
        assert checked["metadata"] is UNKNOWN or checked["metadata"]["name"]


def test_a_secret_stays_secret_before_its_cluster_is_there() -> None:
    planned = asked(kubeconfig=UNKNOWN).preview(made("Secret", "s", stringData={"k": "hunter2"}))
    assert planned["stringData"] == Secret({"k": "hunter2"})


def test_a_program_that_names_no_cluster_never_reaches_your_own(monkeypatch: pytest.MonkeyPatch, nowhere: str) -> None:
    monkeypatch.setenv("KUBECONFIG", "/your/own")
    with pytest.raises(ProviderError, match="never takes your own"):
        asked().create(made("ConfigMap", "a"))
    package = KubernetesStandIn()
    package.use(nowhere)
    with pytest.raises(ProviderError, match="does not answer"):
        Asked(package.configure({})).create(made("ConfigMap", "a"))
    package.use("")
    with pytest.raises(ProviderError, match="never takes your own"):
        Asked(package.configure({})).create(made("ConfigMap", "a"))


def test_a_cluster_that_does_not_answer_is_named_with_the_remedy(nowhere: str) -> None:
    provider = asked(kubeconfig=nowhere)
    server = yaml.safe_load(nowhere)["clusters"][0]["cluster"]["server"]
    for ask in (
        lambda: provider.create(made("ConfigMap", "a")),
        lambda: provider.update(OLD, made("ConfigMap", "settings", data={})),
        lambda: provider.refresh(OLD),
        lambda: provider.delete(OLD),
    ):
        with pytest.raises(
            ProviderError, match=f"the Kubernetes cluster is unreachable: the API server {server} does not answer: .*refused; .+"
        ):
            ask()


def test_a_preview_does_not_need_the_cluster(nowhere: str) -> None:
    provider = asked(kubeconfig=nowhere)
    assert provider.preview(made("ConfigMap", data={"a": "1"}))["data"] == {"a": "1"}
    assert provider.update(OLD, made("ConfigMap", "settings", data={"a": "2"}), preview=True).outputs["data"] == {"a": "2"}
    assert set(provider.diff(OLD, made("ConfigMap", "settings", data={"a": "2"})).changed) == {"data.a"}


def test_a_preview_that_cannot_ask_says_that_nothing_was_checked(nowhere: str) -> None:
    server = yaml.safe_load(nowhere)["clusters"][0]["cluster"]["server"]
    for provider, why in ((asked(kubeconfig=nowhere), f"the API server {server} does not answer"), (asked(), "never takes your own")):
        provider.preview(made("ConfigMap", dta={"a": "1"}))
        provider.update(OLD, made("ConfigMap", "settings", dta={"a": "2"}), preview=True)
        assert len(provider.warnings) == 2
        assert all(
            said.startswith("nothing of this was checked, fields and rules included: ") and why in said for said in provider.warnings
        )
    of_this_update = asked(kubeconfig=UNKNOWN)
    of_this_update.preview(made("ConfigMap", data={"a": "1"}))
    assert of_this_update.warnings == []


def test_the_namespace_is_that_of_the_program_then_the_provider_then_the_context(nowhere: str) -> None:
    inside = made("ConfigMap", "a")
    inside["metadata"]["namespace"] = "own"
    assert asked(kubeconfig=nowhere, namespace="given").check(inside)["metadata"]["namespace"] == "own"
    assert asked(kubeconfig=nowhere, namespace="given").check(made("ConfigMap", "a"))["metadata"]["namespace"] == "given"
    assert asked(kubeconfig=nowhere).check(made("ConfigMap", "a"))["metadata"]["namespace"] == "web"


def test_an_object_outside_namespaces_gets_none_while_the_cluster_is_away(nowhere: str) -> None:
    role = made("ClusterRole", "reader", api="rbac.authorization.k8s.io/v1", rules=[])
    assert "namespace" not in asked(kubeconfig=nowhere).check(role, olds=role)["metadata"]
    inside = made("ConfigMap", "a")
    olds = {**inside, "metadata": {"name": "a", "namespace": "web"}}
    assert asked(kubeconfig=nowhere).check(inside, olds=olds)["metadata"]["namespace"] == "web"


def test_what_lay_on_a_cluster_that_is_gone_is_forgotten_where_the_provider_says_so(nowhere: str) -> None:
    provider = asked(kubeconfig=nowhere, deleteUnreachable="true")
    assert provider.refresh(OLD) is None
    provider.delete(OLD)


def test_what_lies_on_a_cluster_that_does_not_answer_stays_as_known_where_the_provider_says_so(nowhere: str) -> None:
    assert asked(kubeconfig=nowhere, skipUpdateUnreachable="true").refresh(OLD) == OLD


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"context": "other"}, "no context 'other'; it has c"), ({"cluster": "other"}, "the kubeconfig cannot be used.*other")],
)
def test_a_context_or_cluster_that_the_kubeconfig_does_not_have_is_named(nowhere: str, settings: dict[str, str], said: str) -> None:
    with pytest.raises(ProviderError, match=said):
        asked(kubeconfig=nowhere, **settings).create(made("ConfigMap", "a"))


def test_a_condition_to_wait_for_that_is_not_modelled_is_refused_in_the_check(nowhere: str) -> None:
    waiting = made("ConfigMap", "a")
    waiting["metadata"]["annotations"] = {"pulumi.com/waitFor": "jsonpath={.a}"}
    _, failures = asked(kubeconfig=nowhere).check_all(waiting)
    assert [failure.property for failure in failures] == ['metadata.annotations["pulumi.com/waitFor"]']


def test_a_token_that_is_no_kind_is_refused() -> None:
    with pytest.raises(ProviderError, match="names no Kubernetes kind"):
        asked().provider.check(resource("kubernetes:yaml:ConfigFile"), {}, {}, b"")
