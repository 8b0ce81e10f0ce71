"""Who may do what in an environment: the flows of each role of `Access`."""

from __future__ import annotations

from collections.abc import Sequence

from mlgate_components.aws.access.permissions import (
    Flow,
    audits,
    keeps_state,
    operates,
    pulls,
    pushes,
    reads,
    signs,
    validates,
    verifies,
    views,
    writes,
    writes_secret,
)

__all__ = ["duties"]


def duties(
    *,
    models: object,
    evidence: object,
    cluster: object,
    state: object,
    repositories: Sequence[object] = (),
    secrets: Sequence[object] = (),
    trail: object | None = None,
) -> dict[str, list[Flow]]:
    """What each role does to these resources: `models` a ModelStorage, `evidence` an EvidenceStorage, `state` the bucket and the key of
    the stack's state, `trail` the AuditTrail of them, each the component or something of yours with the same outputs.
    """
    looks = [reads(models), reads(evidence), verifies(evidence)]
    audited = [audits(each) for each in (models, evidence, trail) if each is not None]
    moves = [operates(cluster), keeps_state(state), *looks]
    return {
        "ci": [reads(models), writes(models), *(pushes(each) for each in repositories)],
        "deployer": [*moves, *(writes_secret(each) for each in secrets)],
        "gate": [*looks, writes(evidence), signs(evidence), *(pulls(each) for each in repositories)],
        "promoter": moves,
        "auditor": [*audited, *([] if trail is None else [validates(trail)]), verifies(evidence), views(cluster)],
        "break_glass": moves,
    }
