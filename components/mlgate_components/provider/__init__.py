"""The components of the platform for programs in other languages: a provider that the engine starts, and the schema of what it makes."""

from mlgate_components.provider.provider import SCHEMA, Provider, hosted, schema, serve

__all__ = ["SCHEMA", "Provider", "hosted", "schema", "serve"]
