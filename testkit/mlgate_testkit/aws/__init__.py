"""Simulated AWS: the types an ML platform uses, behind the real engine, without a cloud. moto where moto is right, own models elsewhere."""

from mlgate_testkit.aws.package import SimulatedAws

__all__ = ["SimulatedAws"]
