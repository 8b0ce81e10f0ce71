"""A service on both: a bucket and a role on AWS, pods on Kubernetes that know their names. Key `key`: a secret."""

import json

import pulumi
from pulumi_aws import iam, s3
from pulumi_kubernetes import apps, core

TRUST = {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}


def document(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Service(pulumi.ComponentResource):
    """Reads its models from its bucket, as its own role."""

    def __init__(self, name: str, key: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("service:index:Service", name, None, opts)
        here = pulumi.ResourceOptions(parent=self)
        self.models = s3.Bucket(name, tags={"service": name}, opts=pulumi.ResourceOptions(parent=self, protect=True))
        role = iam.Role(name, assume_role_policy=document(TRUST), opts=here)
        readable = self.models.arn.apply(lambda arn: document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{arn}/*"}))
        allowed = iam.RolePolicy(name, role=role.id, policy=readable, opts=here)
        account = core.v1.ServiceAccount(name, metadata={"name": name, "annotations": {"eks.amazonaws.com/role-arn": role.arn}}, opts=here)
        settings = core.v1.ConfigMap(name, metadata={"name": f"{name}-settings"}, data={"bucket": self.models.bucket}, opts=here)
        secret = core.v1.Secret(name, metadata={"name": f"{name}-key"}, string_data={"key": key}, opts=here)
        labels = {"app": name}
        sources = [{"configMapRef": {"name": settings.metadata.name}}, {"secretRef": {"name": secret.metadata.name}}]
        pods = {
            "metadata": {"labels": labels},
            "spec": {
                "serviceAccountName": account.metadata.name,
                "containers": [{"name": "web", "image": "example.org/web:1", "envFrom": sources}],
            },
        }
        web = apps.v1.Deployment(
            name,
            metadata={"name": name},
            spec={"replicas": 2, "selector": {"matchLabels": labels}, "template": pods},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[allowed], custom_timeouts=pulumi.CustomTimeouts(create="2m")),
        )
        core.v1.Service(
            name,
            metadata={"name": name},
            spec={"selector": labels, "ports": [{"port": 80}]},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[web]),
        )
        self.register_outputs({"bucket": self.models.bucket, "account": account.metadata.name})


recommender = Service("recommender", pulumi.Config().require_secret("key"))
pulumi.export("bucket", recommender.models.bucket)
