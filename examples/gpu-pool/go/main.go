package main

import (
	"mlgate/sdk/go/mlgate"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

func main() { pulumi.Run(platform) }

func platform(ctx *pulumi.Context) error {
	settings := config.New(ctx, "")
	region := config.Require(ctx, "aws:region")
	zones := []string{region + "a", region + "b"}
	tags := mlgate.TagsArgs{Environment: ctx.Stack(), Owner: "vision"}

	network, err := mlgate.NewNetwork(ctx, "ml", &mlgate.NetworkArgs{
		Cidr: "10.0.0.0/16", Zones: zones, Cluster: pulumi.StringRef("ml"), Tags: tags,
	})
	if err != nil {
		return err
	}
	cluster, err := mlgate.NewCluster(ctx, "ml", &mlgate.ClusterArgs{
		ClusterName: "ml",
		Version:     settings.Require("version"),
		Network: mlgate.ClusterSubnetsArgs{
			PrivateSubnetIds: network.PrivateSubnetIds,
			IntraSubnetIds:   network.IntraSubnetIds,
		},
		Nodes:  mlgate.SystemNodesArgs{InstanceTypes: []string{"m7i.large"}},
		Admins: map[string]pulumi.StringInput{"deployer": pulumi.String(settings.Require("deployer"))},
		Tags:   tags,
	})
	if err != nil {
		return err
	}
	access, err := kubernetes.NewProvider(ctx, "ml", &kubernetes.ProviderArgs{
		Kubeconfig:            kubeconfig(cluster, region),
		ClusterIdentifier:     cluster.ClusterArn,
		EnableServerSideApply: pulumi.Bool(true),
	}, pulumi.DependsOn([]pulumi.Resource{cluster}))
	if err != nil {
		return err
	}

	// Karpenter, what tells Kubernetes of GPUs, and what else a cluster needs.
	addons, err := mlgate.NewClusterAddons(ctx, "ml", &mlgate.ClusterAddonsArgs{
		Cluster: mlgate.AddonsClusterArgs{
			ClusterName:     cluster.ClusterName,
			ClusterArn:      cluster.ClusterArn,
			Version:         cluster.Version,
			SecurityGroupId: cluster.SecurityGroupId,
			NodeRoleArn:     cluster.NodeRoleArn,
		},
		VpcId:  network.VpcId,
		Addons: map[string]mlgate.AddonSettingsArgs{"external-dns": {On: pulumi.BoolRef(false)}},
		Tags:   tags,
	}, pulumi.Providers(access), pulumi.DependsOn([]pulumi.Resource{cluster}))
	if err != nil {
		return err
	}

	pool, err := mlgate.NewGpuNodePool(ctx, "digits", &mlgate.GpuNodePoolArgs{
		Accelerator: mlgate.AcceleratorL4,
		Replicas:    12,
		Capacity:    []mlgate.CapacityArgs{{Buy: mlgate.BuySPOT}, {Buy: mlgate.Buy_ON_DEMAND}},
		Floor: &mlgate.OnDemandFloorArgs{
			RatePerS: 200, ReplicaRatePerS: 60, NodeStartS: 70, ImagePullS: 90, ModelStartS: 25,
		},
		Ami: mlgate.AmiArgs{Family: mlgate.AmiFamilyBOTTLEROCKET, Version: pulumi.StringRef("1.46.0")},
		Cluster: mlgate.PoolClusterArgs{
			ClusterName:          cluster.ClusterName,
			Endpoint:             cluster.Endpoint,
			CertificateAuthority: cluster.CertificateAuthority,
			Version:              cluster.Version,
			SecurityGroupId:      cluster.SecurityGroupId,
			NodeRoleName:         cluster.NodeRoleName,
			NodeRoleArn:          cluster.NodeRoleArn,
		},
		Network: mlgate.PoolNetworkArgs{Zones: zones, PrivateSubnetIds: network.PrivateSubnetIds},
		Tags:    tags,
	}, pulumi.Providers(access), pulumi.DependsOn([]pulumi.Resource{addons}))
	if err != nil {
		return err
	}
	ctx.Export("labels", pool.Labels)
	ctx.Export("instanceTypes", pool.InstanceTypes)
	return nil
}

// kubeconfig is the way into the cluster: no token stands in it, one is asked for at each use.
func kubeconfig(cluster *mlgate.Cluster, region string) pulumi.StringOutput {
	return pulumi.JSONMarshal(map[string]any{
		"apiVersion": "v1",
		"kind":       "Config",
		"clusters": []any{map[string]any{"name": "eks", "cluster": map[string]any{
			"server": cluster.Endpoint, "certificate-authority-data": cluster.CertificateAuthority,
		}}},
		"users": []any{map[string]any{"name": "eks", "user": map[string]any{"exec": map[string]any{
			"apiVersion":      "client.authentication.k8s.io/v1beta1",
			"command":         "aws",
			"args":            []any{"--region", region, "eks", "get-token", "--cluster-name", cluster.ClusterName, "--output", "json"},
			"interactiveMode": "Never",
		}}}},
		"contexts":        []any{map[string]any{"name": "eks", "context": map[string]any{"cluster": "eks", "user": "eks"}}},
		"current-context": "eks",
	})
}
