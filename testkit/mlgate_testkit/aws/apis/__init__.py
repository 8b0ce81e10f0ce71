"""AWS's own APIs where moto has none, or takes what AWS would refuse: EKS whole, capacity and placement of EC2, and its refusals."""

from mlgate_testkit.aws.apis.install import install

__all__ = ["install"]
