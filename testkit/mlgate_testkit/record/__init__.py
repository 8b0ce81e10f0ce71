"""Runs a Pulumi program with no engine: every resource with all that the engine would be told, as a graph that tests query."""

from mlgate_testkit.provider.values import UNKNOWN, Archive, Asset, ResourceReference, Secret
from mlgate_testkit.record.graph import Graph
from mlgate_testkit.record.recording import record
from mlgate_testkit.record.resource import Resource

__all__ = ["UNKNOWN", "Archive", "Asset", "Graph", "Resource", "ResourceReference", "Secret", "record"]
