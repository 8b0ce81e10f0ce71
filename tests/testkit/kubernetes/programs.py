"""Programs of the tests. Each stands alone, as the testkit asks for; `namespace` comes from the stack's configuration."""


def shop() -> None:
    """A web shop: configuration, a Deployment, a Service; keys `image`, `label`, `greeting`."""
    import pulumi
    import pulumi_kubernetes as kubernetes

    config = pulumi.Config()
    about = {"namespace": config.require("namespace")}
    labels = {"app": config.get("label") or "shop"}
    settings = kubernetes.core.v1.ConfigMap("settings", metadata=about, data={"greeting": config.get("greeting") or "hello"})
    password = kubernetes.core.v1.Secret("password", metadata=about, string_data={"password": config.get_secret("password") or "none"})
    container = {
        "name": "web",
        "image": config.get("image") or "shop:1",
        "envFrom": [{"configMapRef": {"name": settings.metadata.name}}, {"secretRef": {"name": password.metadata.name}}],
    }
    web = kubernetes.apps.v1.Deployment(
        "web",
        metadata=about,
        spec={
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    )
    service = kubernetes.core.v1.Service(
        "web", metadata=about, spec={"selector": labels, "ports": [{"port": 80}]}, opts=pulumi.ResourceOptions(depends_on=[web])
    )
    pulumi.export("address", service.spec.cluster_ip)
    pulumi.export("settings", settings.metadata.name)


def extended() -> None:
    """A definition and an object of it; key `group`."""
    import pulumi
    import pulumi_kubernetes as kubernetes

    config = pulumi.Config()
    group = config.require("group")
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    definition = kubernetes.apiextensions.v1.CustomResourceDefinition(
        "widgets",
        metadata={"name": f"widgets.{group}"},
        spec={
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    )
    kubernetes.apiextensions.CustomResource(
        "first",
        api_version=f"{group}/v1",
        kind="Widget",
        metadata={"namespace": config.require("namespace")},
        spec={"size": 1},
        opts=pulumi.ResourceOptions(depends_on=[definition]),
    )


def training() -> None:
    """A Job that no node takes, until `anywhere` is set."""
    import pulumi
    import pulumi_kubernetes as kubernetes

    config = pulumi.Config()
    where = {} if config.get("anywhere") else {"is": "not-there"}
    kubernetes.batch.v1.Job(
        "train",
        metadata={"namespace": config.require("namespace"), "annotations": {"pulumi.com/timeoutSeconds": "3"}},
        spec={
            "backoffLimit": 0,
            "template": {"spec": {"restartPolicy": "Never", "nodeSelector": where, "containers": [{"name": "main", "image": "train:1"}]}},
        },
    )


def later() -> None:
    """A cluster whose kubeconfig this update makes (here it is known once a first object is), and an object on it."""
    import pulumi
    import pulumi_kubernetes as kubernetes

    config = pulumi.Config()
    about = {"namespace": config.require("namespace")}
    cluster = kubernetes.core.v1.ConfigMap("cluster", metadata=about, data={})
    kubeconfig = cluster.metadata.apply(lambda made: config.require("kubeconfig") if made.uid else "")
    provider = kubernetes.Provider("its", kubeconfig=kubeconfig)
    inside = kubernetes.core.v1.ConfigMap("inside", metadata=about, data={"a": "1"}, opts=pulumi.ResourceOptions(provider=provider))
    pulumi.export("uid", inside.metadata.uid)


def manifests() -> None:
    """Objects of YAML text, through the SDK's own component."""
    import pulumi
    from pulumi_kubernetes.yaml import ConfigGroup

    namespace = pulumi.Config().require("namespace")
    text = f"""
apiVersion: v1
kind: ConfigMap
metadata: {{name: one, namespace: {namespace}}}
data: {{a: "1"}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: two, namespace: {namespace}}}
"""
    ConfigGroup("group", yaml=[text])


def second_manifests() -> None:
    """The newer component, which runs inside the real provider."""
    from pulumi_kubernetes.yaml.v2 import ConfigGroup

    ConfigGroup("group", yaml="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n")


def metrics() -> None:
    """A Helm release."""
    import pulumi
    from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

    release = Release(
        "metrics",
        chart="metrics",
        version="1.0.0",
        namespace=pulumi.Config().require("namespace"),
        repository_opts=RepositoryOptsArgs(repo="https://charts.example"),
        values={"replicas": 2},
    )
    pulumi.export("status", release.status.status)


def chart() -> None:
    """A Helm release of a chart on this machine; keys `chart`, `greeting`."""
    import pulumi
    from pulumi_kubernetes.helm.v3 import Release

    config = pulumi.Config()
    values = {"greeting": config.get("greeting") or "hello"}
    shop = Release("shop", name="shop", chart=config.require("chart"), namespace=config.require("namespace"), values=values)
    pulumi.export("names", shop.resource_names["ConfigMap/v1"])


def elsewhere() -> None:
    """An object on a cluster that is not there; key `delete` sets deleteUnreachable."""
    import pulumi
    import pulumi_kubernetes as kubernetes

    config = pulumi.Config()
    provider = kubernetes.Provider("its", kubeconfig=config.require("kubeconfig"), delete_unreachable=bool(config.get("delete")))
    kubernetes.core.v1.ConfigMap(
        "inside", metadata={"namespace": config.require("namespace")}, data={}, opts=pulumi.ResourceOptions(provider=provider)
    )
