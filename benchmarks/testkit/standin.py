"""The engine on the Kubernetes stand-in: what that costs a preview, object by object; each one is a dry run on a real API server."""

from __future__ import annotations

from benchmarks.harness import Row
from benchmarks.testkit.previews import measure_previews
from benchmarks.testkit.workbench import workbench
from mlgate_testkit.cluster import Cluster


def objects() -> None:
    """Five objects for each service, as a platform would have them."""
    import pulumi
    import pulumi_kubernetes as k8s

    for number in range(pulumi.Config().require_int("services")):
        name = f"service-{number}"
        labels = {"app": name}
        settings = k8s.core.v1.ConfigMap(name, metadata={"labels": labels}, data={"level": "info"})
        token = k8s.core.v1.Secret(name, metadata={"labels": labels}, string_data={"token": "none"})
        account = k8s.core.v1.ServiceAccount(name, metadata={"labels": labels})
        k8s.core.v1.Service(name, metadata={"labels": labels}, spec={"selector": labels, "ports": [{"port": 80}]})
        sources = [{"config_map_ref": {"name": settings.metadata.name}}, {"secret_ref": {"name": token.metadata.name}}]
        container = {"name": "main", "image": "example", "env_from": sources}
        pod = {"service_account_name": account.metadata.name, "containers": [container]}
        template = {"metadata": {"labels": labels}, "spec": pod}
        k8s.apps.v1.Deployment(name, metadata={"labels": labels}, spec={"selector": {"match_labels": labels}, "template": template})


def measure(times: int = 9) -> list[Row]:
    """`times` of each, after one that does not count."""
    with Cluster() as cluster, workbench() as bench:
        standin = bench.provider("kubernetes", "mlgate_testkit.engine.packages:kubernetes")
        standin.use(kubeconfig=str(cluster.kubeconfig))
        nothing = bench.provider("kubernetes", "benchmarks.testkit.nothing:kubernetes")
        return measure_previews(bench, "the Kubernetes stand-in", objects, standin, nothing, times)
