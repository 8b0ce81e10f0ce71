import * as components from "@mlgate/components";
import { Provider } from "@pulumi/kubernetes/provider";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const region = new pulumi.Config("aws").require("region");
const zones = [`${region}a`, `${region}b`];
const tags = { environment: pulumi.getStack(), owner: "vision" };

const network = new components.Network("ml", { cidr: "10.0.0.0/16", zones, cluster: "ml", tags });

const kubeconfig = config.getSecret("kubeconfig");
const cluster = new components.Cluster("ml", {
    clusterName: "ml",
    version: config.require("version"),
    network: { privateSubnetIds: network.privateSubnetIds, intraSubnetIds: network.intraSubnetIds },
    nodes: { instanceTypes: ["m7i.large"] },
    admins: { deployer: config.require("deployer") },
    tags,
    ...(kubeconfig && { kubeconfig }),
});

// The way into the cluster: no token stands in it, one is asked for at each use.
const access = pulumi.jsonStringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "eks", cluster: { server: cluster.endpoint, "certificate-authority-data": cluster.certificateAuthority } }],
    users: [
        {
            name: "eks",
            user: {
                exec: {
                    apiVersion: "client.authentication.k8s.io/v1beta1",
                    command: "aws",
                    args: ["--region", region, "eks", "get-token", "--cluster-name", cluster.clusterName, "--output", "json"],
                    interactiveMode: "Never",
                },
            },
        },
    ],
    contexts: [{ name: "eks", context: { cluster: "eks", user: "eks" } }],
    "current-context": "eks",
});
const kubernetes = new Provider(
    "ml",
    { kubeconfig: kubeconfig ?? access, clusterIdentifier: cluster.clusterArn, enableServerSideApply: true },
    { dependsOn: [cluster] },
);

// Karpenter, what tells Kubernetes of GPUs, and what else a cluster needs.
const addons = new components.ClusterAddons(
    "ml",
    {
        cluster: {
            clusterName: cluster.clusterName,
            clusterArn: cluster.clusterArn,
            version: cluster.version,
            securityGroupId: cluster.securityGroupId,
            nodeRoleArn: cluster.nodeRoleArn,
        },
        vpcId: network.vpcId,
        addons: { "external-dns": { on: false } },
        tags,
    },
    { providers: [kubernetes], dependsOn: [cluster] },
);

const pool = new components.GpuNodePool(
    "digits",
    {
        accelerator: components.Accelerator.L4,
        replicas: 12,
        capacity: [{ buy: components.Buy.SPOT }, { buy: components.Buy.ON_DEMAND }],
        floor: { ratePerS: 200, replicaRatePerS: 60, nodeStartS: 70, imagePullS: 90, modelStartS: 25 },
        ami: { family: components.AmiFamily.BOTTLEROCKET, version: "1.46.0" },
        cluster: {
            clusterName: cluster.clusterName,
            endpoint: cluster.endpoint,
            certificateAuthority: cluster.certificateAuthority,
            version: cluster.version,
            securityGroupId: cluster.securityGroupId,
            nodeRoleName: cluster.nodeRoleName,
            nodeRoleArn: cluster.nodeRoleArn,
        },
        network: { zones, privateSubnetIds: network.privateSubnetIds },
        tags,
    },
    { providers: [kubernetes], dependsOn: [addons] },
);

export const labels = pool.labels;
export const instanceTypes = pool.instanceTypes;
export const said = pool.said;
