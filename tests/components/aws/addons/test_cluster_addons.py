"""`ClusterAddons`, recorded: what is installed, from where and in which order, what controllers may do, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.addons.plan import merged, planned
from mlgate_components.aws.addons.policies import external_dns, karpenter, load_balancers, place_of
from mlgate_components.aws.addons.table import TABLE
from mlgate_testkit.record import Graph, record

TAGS = {"environment": "dev", "owner": "platform"}
ARN = "arn:aws:eks:eu-central-1:123456789012:cluster/ml"
NODES = "arn:aws:iam::123456789012:role/ml-node"
USUAL: dict[str, Any] = {
    "cluster": {
        "cluster_name": "ml",
        "cluster_arn": ARN,
        "version": "1.34",
        "security_group_id": "sg-1",
        "node_role_arn": NODES,
    },
    "vpc_id": "vpc-1",
    "dns_zone_ids": ["Z0123456789ABCDEFGHIJ"],
    "tags": TAGS,
}
ADDON, RELEASE, QUEUE = "aws:eks/addon:Addon", "kubernetes:helm.sh/v3:Release", "aws:sqs/queue:Queue"
POD = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
PROXY = "docker.io/envoyproxy/envoy"  # whose registry the chart changes, and whose tag it adds
DIGEST = "sha256:" + "0123456789abcdef" * 4
LOOKED_UP = {"aws:eks/getAddonVersion:getAddonVersion": lambda asked: {"version": f"v1.0.0-eksbuild.{len(asked['addonName'])}"}}
RESOURCES = {QUEUE: {"arn": "arn:aws:sqs:eu-central-1:123456789012:ml"}}


def program(args: dict[str, Any], provided: bool = True) -> Callable[[], None]:
    def addons() -> None:
        import pulumi
        import pulumi_kubernetes as kubernetes

        from mlgate_components.aws.addons.arguments import ClusterAddonsArgs
        from mlgate_components.aws.addons.cluster_addons import ClusterAddons

        provider = [kubernetes.Provider("ml", kubeconfig="{}")] if provided else None
        made = ClusterAddons("ml", ClusterAddonsArgs(**args), pulumi.ResourceOptions(providers=provider))
        pulumi.export("versions", made.versions)
        pulumi.export("queue", made.interruption_queue_name)
        pulumi.export("roles", made.role_arns)

    return addons


@cache
def usual() -> Graph:
    return record(program(USUAL), invokes=LOOKED_UP, resources=RESOURCES)


def recorded(**args: Any) -> Graph:
    return record(program({**USUAL, **args}), invokes=LOOKED_UP, resources=RESOURCES) if args else usual()


def off(*names: str) -> dict[str, Any]:
    return {name: {"on": False} for name in names}


def only(*names: str) -> dict[str, Any]:
    return off(*(name for name in TABLE if name not in names))


def release(graph: Graph, name: str) -> dict[str, Any]:
    return graph.one(RELEASE, f"ml-{name}").inputs


def test_each_is_an_addon_of_eks_where_there_is_one_and_else_a_chart_at_an_exact_version() -> None:
    graph = recorded()
    addons = {found.inputs["addonName"] for found in graph.all(ADDON)}
    charts = {found.inputs["name"]: found.inputs for found in graph.all(RELEASE)}
    assert addons == {"metrics-server", "cert-manager", "external-dns"}
    assert addons | charts.keys() == TABLE.keys()
    assert charts["karpenter"]["chart"] == "oci://public.ecr.aws/karpenter/karpenter"
    assert charts["keda"]["repositoryOpts"] == {"repo": "https://kedacore.github.io/charts"}
    assert {name: inputs["version"] for name, inputs in charts.items()} == {
        name: addon.chart.version for name, addon in TABLE.items() if addon.chart
    }
    assert graph.outputs["versions"] == {
        **{name: inputs["version"] for name, inputs in charts.items()},
        **{name: f"v1.0.0-eksbuild.{len(name)}" for name in addons},
    }


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_row_says_where_its_version_was_read_and_waits_for_rows_above_it(name: str) -> None:
    addon, above = TABLE[name], list(TABLE)[: list(TABLE).index(name)]
    assert bool(addon.eks) != bool(addon.chart)
    assert set(addon.after) <= set(above)
    assert not addon.chart or "2026" in addon.chart.source


@pytest.mark.parametrize("name", sorted(TABLE))
def test_each_can_be_off(name: str) -> None:
    assert set(planned("ml", {**USUAL, "addons": off(name)})) == TABLE.keys() - {name}  # type: ignore[typeddict-item]


def test_what_owns_nothing_outside_goes_with_a_cluster_that_may_go_and_controllers_are_taken_out_for_real() -> None:
    assert {found.deleted_with for found in recorded().all(RELEASE)} == {None}, "a protected cluster does not go"
    graph = recorded(deletion_protection=False)
    provider = graph.one("pulumi:providers:kubernetes")
    kept = {found.inputs["name"] for found in graph.all(RELEASE) if found.deleted_with is None}
    assert kept == {"karpenter", "aws-load-balancer-controller", "gateway"}
    assert {found.deleted_with for found in graph.all(RELEASE) if found.inputs["name"] not in kept} == {provider}
    assert {found.provider for found in graph.all(RELEASE)} == {provider}
    assert all(found.deleted_with is None for found in graph.all(ADDON)), "external-dns owns records"


def test_each_comes_after_what_it_needs() -> None:
    graph = recorded()
    gateway, balancer = (graph.one(RELEASE, f"ml-{name}") for name in ("gateway", "aws-load-balancer-controller"))
    assert gateway.needs(balancer), "so that its load balancers go while somebody deletes them"
    assert graph.one(ADDON, "ml-external-dns").needs(gateway)
    assert all(addon.needs(graph.one("pulumi:providers:kubernetes")) for addon in graph.all(ADDON)), "that is there once nodes are"
    for name in ("karpenter", "keda", "dcgm-exporter"):
        assert graph.one(RELEASE, f"ml-{name}").needs(graph.one(RELEASE, "ml-prometheus-operator"))
    for name in ("karpenter", "aws-load-balancer-controller"):
        assert graph.one(RELEASE, f"ml-{name}").needs(graph.one(POD, f"ml-{name}"))


def test_load_balancers_have_the_tags_of_what_is_made_here_so_that_they_are_billed_as_it_is() -> None:
    said = {**TAGS, "cost_center": "4711", "more": {"team-mail": "a@b.c", "list": "a,b", "a=b": "c"}}
    values = release(recorded(tags=said), "aws-load-balancer-controller")["values"]
    assert values["defaultTags"] == {**TAGS, "cost-center": "4711", "managed-by": "mlgate", "team-mail": "a@b.c"}


def test_the_load_balancer_controller_is_told_what_it_cannot_ask_and_stands_in_nobodys_way() -> None:
    values = release(recorded(), "aws-load-balancer-controller")["values"]
    told = {"clusterName": "ml", "vpcId": "vpc-1", "region": "eu-central-1"}
    assert {key: values[key] for key in told} == told
    assert values["enableServiceMutatorWebhook"] is False, "else no Service of anybody is made while it is not ready"


def test_gpus_are_watched_on_the_nodes_that_have_some() -> None:
    values = release(recorded(), "dcgm-exporter")["values"]
    (term,) = values["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": "mlgate/accelerator", "operator": "Exists"}]
    assert [each["key"] for each in values["tolerations"]] == ["nvidia.com/gpu"]


def test_karpenter_has_its_definitions_from_their_own_chart_and_hears_of_interruptions() -> None:
    graph = recorded()
    assert graph.one(RELEASE, "ml-karpenter").needs(graph.one(RELEASE, "ml-karpenter-crd"))
    assert release(graph, "karpenter")["skipCrds"] is True
    queue = graph.one(QUEUE).outputs["name"]
    settings = release(graph, "karpenter")["values"]["settings"]
    assert settings == {"clusterName": "ml", "interruptionQueue": queue, "eksControlPlane": True}
    assert graph.outputs["queue"] == queue
    assert recorded(addons=off("karpenter")).outputs["queue"] == ""


def test_who_is_watched_is_watched_only_where_the_operator_is() -> None:
    with_it, without = recorded(), recorded(addons=off("prometheus-operator"))
    assert release(with_it, "dcgm-exporter")["values"]["serviceMonitor"] == {"enabled": True}
    assert release(without, "dcgm-exporter")["values"]["serviceMonitor"] == {"enabled": False}
    assert "serviceMonitor" not in release(without, "karpenter")["values"]


def test_a_mirror_is_where_every_chart_and_every_image_of_a_chart_comes_from() -> None:
    graph = recorded(mirror="registry.example/mirror")
    for name, addon in TABLE.items():
        if addon.chart is None:
            continue
        inputs = release(graph, name)
        place = addon.chart.place.split("://")[1]
        assert inputs["chart"] == f"oci://registry.example/mirror/{place}/{addon.chart.name}"
        assert "repositoryOpts" not in inputs
        for path, upstream in addon.chart.images.items():
            assert at(inputs["values"], path) == f"registry.example/mirror/{upstream}"
    assert "controller" not in release(recorded(), "karpenter")["values"]


def test_images_that_only_a_controller_starts_are_named_to_it_where_there_is_a_mirror() -> None:
    """As its own defaults they would come from upstream: proxies of Envoy Gateway, servers of the Prometheus operator."""
    mirrored, plain = recorded(mirror="registry.example/mirror"), recorded()
    proxies = {"global": {"imageRegistry": "registry.example/mirror/docker.io", "images": {"envoyProxy": {"image": PROXY}}}}
    assert release(mirrored, "gateway")["values"] == proxies
    operator = release(mirrored, "prometheus-operator")["values"]["prometheusOperator"]
    for server in ("prometheus", "alertmanager"):
        assert operator[f"{server}DefaultBaseImageRegistry"] == "registry.example/mirror/quay.io"
        assert operator[f"{server}DefaultBaseImage"] == f"prometheus/{server}"
    assert "global" not in release(plain, "gateway").get("values", {}), "the default is pinned by its digest"
    assert "prometheusOperator" not in release(plain, "prometheus-operator")["values"]


def at(values: Mapping[str, Any], path: str) -> Any:
    first, _, rest = path.partition(".")
    return at(values[first], rest) if rest else values[first]


def test_a_chart_is_taken_by_its_digest_and_values_of_ones_own_lie_over_the_tables() -> None:
    said = {"karpenter": {"digest": DIGEST, "values": {"replicas": 3, "settings": {"batchMaxDuration": "5s"}}}}
    inputs = release(recorded(addons=said), "karpenter")
    assert (inputs["chart"], inputs["version"]) == (f"oci://public.ecr.aws/karpenter/karpenter@{DIGEST}", "1.15.1")
    assert inputs["values"]["replicas"] == 3
    assert inputs["values"]["settings"]["batchMaxDuration"] == "5s"
    assert inputs["values"]["settings"]["clusterName"] == "ml"


def test_external_dns_writes_into_its_zones_alone_and_deletes_only_what_it_made() -> None:
    graph = recorded()
    configured = json.loads(graph.one(ADDON, "ml-external-dns").inputs["configurationValues"])
    assert configured == {"policy": "sync", "sources": ["service", "ingress", "gateway-httproute"], "txtOwnerId": "ml"}
    without = recorded(addons=off("gateway"))
    assert json.loads(without.one(ADDON, "ml-external-dns").inputs["configurationValues"])["sources"] == ["service", "ingress"]
    assert allowed(external_dns(["Z1"]), "route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z1", {})
    assert not allowed(external_dns(["Z1"]), "route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z2", {})


def test_each_controller_has_a_role_that_pods_of_its_own_account_take_and_nobody_else() -> None:
    graph = recorded()
    pods = {found.inputs["serviceAccount"]: found.inputs["namespace"] for found in graph.all(POD)}
    assert pods == {"karpenter": "kube-system", "aws-load-balancer-controller": "kube-system", "external-dns": "external-dns"}
    assert graph.outputs["roles"] == {name: f"<arn of Role ml-{name}>" for name in pods}
    assert recorded(addons=only("keda")).outputs["roles"] == {}
    for name in pods:
        (trusted,) = json.loads(graph.one("aws:iam/role:Role", f"ml-{name}").inputs["assumeRolePolicy"])["Statement"]
        assert trusted["Principal"] == {"Service": "pods.eks.amazonaws.com"}
        whom = trusted["Condition"]["StringEquals"]
        assert (whom["aws:RequestTag/eks-cluster-arn"], whom["aws:RequestTag/kubernetes-service-account"]) == (ARN, name)
        policy = graph.one("aws:iam/rolePolicy:RolePolicy", f"ml-{name}").inputs["policy"]
        assert len("".join(policy.split())) <= 10_240, "IAM's limit for the policies of a role together"


PLACE = place_of(ARN)
QUEUE_ARN = "arn:aws:sqs:eu-central-1:123456789012:ml"
INSTANCE = "arn:aws:ec2:eu-central-1:123456789012:instance/i-1"
OWNED = {"aws:ResourceTag/kubernetes.io/cluster/ml": "owned", "aws:ResourceTag/karpenter.sh/nodepool": "l4"}


def allowed(statements: Any, action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Whether one of these statements, all of which allow, fits: enough of IAM for the conditions that ours have."""
    return any(
        any(fnmatchcase(action, each) for each in listed(statement["Action"]))
        and any(fnmatchcase(resource, each) for each in listed(statement["Resource"]))
        and all(
            context.get(key) is not None and any(fnmatchcase(context[key], each) for each in listed(value))
            for kind, keys in statement.get("Condition", {}).items()
            if kind in {"StringEquals", "StringLike"}
            for key, value in keys.items()
        )
        for statement in statements
    )


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def test_karpenter_ends_its_own_nodes_and_nobody_elses() -> None:
    may = karpenter(PLACE, NODES, QUEUE_ARN)
    assert allowed(may, "ec2:TerminateInstances", INSTANCE, OWNED)
    assert not allowed(may, "ec2:TerminateInstances", INSTANCE, {})
    foreign = {"aws:ResourceTag/kubernetes.io/cluster/other": "owned", "aws:ResourceTag/karpenter.sh/nodepool": "l4"}
    assert not allowed(may, "ec2:TerminateInstances", INSTANCE, foreign)
    assert not allowed(may, "ec2:RunInstances", INSTANCE, {}), "what it starts carries the cluster's name"


def test_karpenter_gives_machines_the_role_of_nodes_and_no_other() -> None:
    may, to_ec2 = karpenter(PLACE, NODES, QUEUE_ARN), {"iam:PassedToService": "ec2.amazonaws.com"}
    assert allowed(may, "iam:PassRole", NODES, to_ec2)
    assert not allowed(may, "iam:PassRole", "arn:aws:iam::123456789012:role/admin", to_ec2)
    assert not allowed(may, "iam:PassRole", NODES, {"iam:PassedToService": "lambda.amazonaws.com"})
    assert not allowed(may, "sqs:ReceiveMessage", "arn:aws:sqs:eu-central-1:123456789012:other", {})


def test_load_balancers_of_another_cluster_are_not_touched() -> None:
    may = load_balancers(PLACE, "vpc-1", "sg-1")
    balancer = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/net/x/1"
    assert allowed(may, "elasticloadbalancing:DeleteLoadBalancer", balancer, {"aws:ResourceTag/elbv2.k8s.aws/cluster": "ml"})
    assert not allowed(may, "elasticloadbalancing:DeleteLoadBalancer", balancer, {"aws:ResourceTag/elbv2.k8s.aws/cluster": "other"})
    mark = {"aws:RequestTag/elbv2.k8s.aws/cluster": "ml"}
    made = {"elasticloadbalancing:CreateAction": "CreateLoadBalancer"}
    assert allowed(may, "elasticloadbalancing:AddTags", balancer, {**mark, **made})
    assert not allowed(may, "elasticloadbalancing:AddTags", balancer, mark), "it would make somebody else's its own"
    group = "arn:aws:ec2:eu-central-1:123456789012:security-group/"
    assert allowed(may, "ec2:AuthorizeSecurityGroupIngress", f"{group}sg-1", {})
    assert not allowed(may, "ec2:AuthorizeSecurityGroupIngress", f"{group}sg-2", {})


@pytest.mark.parametrize("statements", [karpenter(PLACE, NODES, QUEUE_ARN), load_balancers(PLACE, "vpc-1", "sg-1"), external_dns(["Z1"])])
def test_nothing_but_reading_is_allowed_on_everything(statements: Any) -> None:
    for statement in statements:
        assert not any("*" in action for action in listed(statement["Action"]))
        if "*" in listed(statement["Resource"]):
            verbs = {action.split(":")[1] for action in listed(statement["Action"])}
            assert all(verb.startswith(("Describe", "List", "Get")) for verb in verbs)


def test_a_text_that_is_no_arn_of_a_cluster_is_named() -> None:
    with pytest.raises(ValueError, match="'ml' is no ARN of a cluster"):
        place_of("ml")


@pytest.mark.parametrize(
    ("args", "path", "said"),
    [
        ({"addons": {"kedaa": {}}}, "addons.kedaa", "did you mean keda?"),
        ({"addons": {"keda": {"vesion": "2.20.2"}}}, "addons.keda.vesion", "did you mean version?"),
        ({"addons": {"keda": {"version": "latest"}}}, "addons.keda.version", "an exact version"),
        ({"addons": {"keda": {"version": "^2.20"}}}, "addons.keda.version", "an exact version"),
        ({"addons": {"cert-manager": {"version": "1.18.2"}}}, "addons.cert-manager.version", "a version of EKS's"),
        ({"addons": {"cert-manager": {"digest": DIGEST}}}, "addons.cert-manager.digest", "EKS installs this one by its version"),
        ({"addons": {"keda": {"digest": DIGEST}}}, "addons.keda.digest", "give a mirror"),
        ({"addons": {"karpenter": {"digest": "sha256:1"}}}, "addons.karpenter.digest", "64 hex digits"),
        ({"addons": {"karpenter": {"version": "1.16.0"}}}, "addons.karpenter-crd.version", "1.16.0, as karpenter"),
        ({"mirror": "https://registry.example"}, "mirror", "a registry and a folder"),
        ({"dns_zone_ids": []}, "dns_zone_ids", "addons.external-dns.on = False"),
        ({"dns_zone_ids": ["example.org"]}, "dns_zone_ids[0]", "the id of a hosted zone"),
        ({"cluster": {"cluster_name": "ml"}}, "cluster.cluster_arn", "give it"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path_before_anything_is_made(args: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(**args)
    assert (path, True) in [(problem.where, said in problem.expected) for problem in refused.value.problems]


def test_without_a_provider_nothing_goes_to_whatever_cluster_is_at_hand() -> None:
    with pytest.raises(ArgumentsError, match="has no Kubernetes provider"):
        record(program(USUAL, provided=False), invokes=LOOKED_UP, resources=RESOURCES)


def test_whoever_pins_is_told_of_each_addon_without_version_and_each_chart_of_a_registry_without_digest() -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(pinned=True)
    missing = {problem.where for problem in refused.value.problems}
    eks = {f"addons.{name}.version" for name in ("metrics-server", "cert-manager", "external-dns")}
    assert missing == eks | {f"addons.{name}.digest" for name in ("karpenter", "karpenter-crd")}
    with pytest.raises(ArgumentsError) as refused:
        recorded(pinned=True, mirror="registry.example/mirror")
    charts = {f"addons.{name}.digest" for name, addon in TABLE.items() if addon.chart}
    assert {problem.where for problem in refused.value.problems} == eks | charts, "of a mirror every chart can be had by its digest"


def test_a_chart_whose_digest_is_known_is_taken_by_it_but_from_no_mirror_and_in_no_other_version() -> None:
    digest = TABLE["gateway"].chart.digest  # type: ignore[union-attr]
    assert release(recorded(), "gateway")["chart"] == f"oci://docker.io/envoyproxy/gateway-helm@{digest}"
    assert "@" not in release(recorded(addons={"gateway": {"version": "v1.9.2"}}), "gateway")["chart"]
    assert "@" not in release(recorded(mirror="registry.example/m"), "gateway")["chart"]


def test_what_is_pinned_is_taken_with_nothing_looked_up() -> None:
    eks = {name: {"version": "v1.2.3-eksbuild.4"} for name in ("metrics-server", "cert-manager", "external-dns")}
    charts = {name: {"digest": DIGEST} for name in ("karpenter", "karpenter-crd", "gateway")}
    graph = record(program({**USUAL, "pinned": True, "addons": {**eks, **charts}}), resources=RESOURCES)
    assert graph.outputs["versions"]["cert-manager"] == "v1.2.3-eksbuild.4"
    assert all(DIGEST in release(graph, name)["chart"] for name in charts)


PAGE = (Path(__file__).parents[4] / "docs" / "platform-cluster.md").read_text(encoding="utf-8")


def test_the_program_of_the_page_is_one_that_runs() -> None:
    (text,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    answers = {**LOOKED_UP, "aws:index/getCallerIdentity:getCallerIdentity": {"arn": "arn:aws:sts::123456789012:assumed-role/deployer/ci"}}
    made = {**RESOURCES, "aws:eks/cluster:Cluster": {"arn": ARN}}
    graph = record(lambda: exec(compile(text, "platform-cluster.md", "exec"), {}), invokes=answers, resources=made)  # noqa: S102
    assert graph.outputs["versions"].keys() == TABLE.keys()


@pytest.mark.parametrize("name", sorted(TABLE))
def test_the_page_has_the_row_of_the_table(name: str) -> None:
    addon = TABLE[name]
    origin = f"`{addon.chart.place}` {addon.chart.name}" if addon.chart else "EKS"
    version = addon.chart.version if addon.chart else "looked up or pinned"
    assert f"| `{name}` | {addon.namespace} | {origin} | {version} | {addon.owns or 'nothing'} |" in PAGE


TREES = st.recursive(
    st.integers() | st.text(max_size=2), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)
VALUES = st.dictionaries(st.sampled_from("abc"), TREES, max_size=3)


@given(below=VALUES, above=VALUES)
def test_values_that_lie_over_others_win_and_take_nothing_else_away(below: dict[str, Any], above: dict[str, Any]) -> None:
    both = merged(below, above)
    assert merged(both, above) == both
    assert set(both) == set(below) | set(above)
    assert all(both[key] == value for key, value in above.items() if not isinstance(value, dict))
    assert all(both[key] == value for key, value in below.items() if key not in above)


def test_everything_has_all_tags_and_stands_in_the_component() -> None:
    graph = recorded(addons=only("karpenter", "karpenter-crd", "external-dns"))
    tagged = [found.inputs["tags"] for found in graph.resources if "tags" in found.inputs]
    assert len(tagged) > 8
    assert all({**TAGS, "managed-by": "mlgate"}.items() <= tags.items() for tags in tagged)
    component = graph.one("mlgate:index:ClusterAddons")
    outside = {"pulumi:providers:kubernetes", "mlgate:index:ClusterAddons"}
    assert all(found in component.descendants for found in graph.resources if found.type not in outside)
