"""Service quotas: their codes, names and what an account has on its first day (Service Quotas console and the services' own pages)."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from mlgate.errors import UsageError

__all__ = ["QUOTAS", "Quota", "quota_of"]


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota. `code` is "" where Service Quotas' own is not known to us.

    `refusal` is the error code with which the API answers beyond it, `text` its message; `{value}` stands for the value.
    """

    code: str
    name: str
    value: int
    refusal: str = "LimitExceededException"
    text: str = "{name} exceeded: the quota is {value}"


QUOTAS: tuple[Quota, ...] = (
    Quota(
        "L-DC2B2D3D",
        "General purpose buckets",
        10_000,
        "TooManyBuckets",
        "You have attempted to create more buckets than allowed",
    ),
    Quota("L-FE177D64", "Roles per account", 1_000, "LimitExceeded", "Cannot exceed quota for RolesPerAccount: {value}"),
    Quota(
        "L-E95E4862", "Customer managed policies per account", 1_500, "LimitExceeded", "Cannot exceed quota for PoliciesPerAccount: {value}"
    ),
    Quota("L-0DA4ABF3", "Managed policies per role", 10, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: {value}"),
    Quota(
        "L-6E65F664",
        "Instance profiles per account",
        1_000,
        "LimitExceeded",
        "Cannot exceed quota for InstanceProfilesPerAccount: {value}",
    ),
    Quota(
        "",
        "OpenId Connect providers per account",
        100,
        "LimitExceeded",
        "Cannot exceed quota for OpenIDConnectProvidersPerAccount: {value}",
    ),
    Quota("L-7B6409FD", "DB instances", 40, "InstanceQuotaExceeded", "DB Instance quota exceeded"),
)


def quota_of(name: str) -> Quota:
    """The quota with this code or name. Raises UsageError naming the nearest."""
    for quota in QUOTAS:
        if name and name in {quota.code, quota.name}:
            return quota
    known = [each for quota in QUOTAS for each in (quota.code, quota.name) if each]
    close = get_close_matches(name, known, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    raise UsageError(f"no quota {name!r} is simulated", where="quota", remedy=f"{meant}simulated are: {', '.join(known)}")
