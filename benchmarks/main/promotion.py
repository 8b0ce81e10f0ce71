"""Promotion under load: the service's URL moves between two real endpoints while requests come at 500/s."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
from harness import Row, median_row, say
from stand import Stand, arm_of
from url_load import Seen, open_load

RATE_PER_S = 500
_PAUSE_S = 0.5
_LONGEST_S = 300.0


def measure(stand: Stand, requests: int = 10_000) -> list[Row]:
    """Promotes back and forth as delivery does (the candidate comes beside stable, then takes its place) until `requests` were sent."""
    seen, turns_s = Seen(), []
    with stand.serving(1) as first, stand.serving(2) as second, stand.routed(first) as (router, url):
        stable, candidate = arm_of(first), arm_of(second)
        with open_load(stand, url, RATE_PER_S, _LONGEST_S, seen) as drive:
            while drive.sent < requests:
                time.sleep(_PAUSE_S)
                router.set_arms(stand.service.name, stable, candidate, 0)
                begin = time.perf_counter()
                router.set_arms(stand.service.name, candidate, None, 0)
                turns_s.append(time.perf_counter() - begin)
                stable, candidate = candidate, stable
            time.sleep(_PAUSE_S)
    for error, times in Counter(seen.errors).most_common(3):
        say(f"promotion: {times} x {error}")
    shares = " and ".join(f"{count:,}" for count in seen.served.values())
    return [
        Row(
            "failed requests under promotion",
            int(seen.failed.sum()),
            "requests",
            0,
            reference=f"{len(turns_s)} promotions at {RATE_PER_S}/s",
        ),
        Row("requests under promotion", len(seen.failed), "requests", requests, "higher", f"{shares} answered by the two releases"),
        Row("p99 under promotion", float(np.quantile(seen.latency_ms, 0.99)), "ms", reference="from the scheduled instant"),
        median_row("a promotion's turn of traffic", turns_s, "s", reference="until no request uses what left"),
    ]
