"""For every component its usual arguments, and another value for each argument: what `docs/platform-changes.md` tells the effect of."""

from __future__ import annotations

from . import cases_of_pools, cases_of_the_account, cases_of_the_cluster

CASES = (*cases_of_the_account.CASES, *cases_of_the_cluster.CASES, *cases_of_pools.CASES)
