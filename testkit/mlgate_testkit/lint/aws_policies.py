"""Policies of AWS: elements that are misspelt, and statements of a bucket policy that let in everybody (`mlgate.policy_documents`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlgate import policy_documents
from mlgate.policy_documents import listed, read_policy
from mlgate_testkit.nearest import nearest
from mlgate_testkit.policy_grammar import DOCUMENT, STATEMENT, VERSIONS
from mlgate_testkit.record import Secret

__all__ = ["misspelt_elements", "open_statements"]


def open_statements(policy: Any) -> Iterator[Mapping[str, Any]]:
    """The statements that allow something to everybody. `policy`: a document or its JSON text; one that is not known has none."""
    return policy_documents.open_statements(_clear(policy))


def misspelt_elements(policy: Any) -> Iterator[tuple[str, str]]:
    """Elements that the grammar has not, each with the one that is written alike: ("Statement[0].Efect", "Effect")."""
    document = read_policy(_clear(policy))
    if not isinstance(document, Mapping) or not ("Statement" in document or document.get("Version") in VERSIONS):
        return
    yield from _misspelt(document, DOCUMENT, "")
    for index, statement in enumerate(listed(document.get("Statement"))):
        if isinstance(statement, Mapping):
            yield from _misspelt(statement, STATEMENT, f"Statement[{index}].")


def _misspelt(written: Mapping[str, Any], elements: frozenset[str], path: str) -> Iterator[tuple[str, str]]:
    for key in written:
        near = nearest(key, sorted(elements)) if key not in elements else None
        if near is not None and near.lower() != key.lower():  # the grammar does not say whether capitals count
            yield f"{path}{key}", near


def _clear(policy: Any) -> Any:
    return policy.value if isinstance(policy, Secret) else policy
