"""When requests go out: fixed before the run from a seed, never moved by how the endpoint answers.

Latency counted from these instants cannot hide a stall: a closed loop that waits for answers sends nothing while the server hangs
(coordinated omission; Tene 2013; measured at p99 3,330 ms from schedule where the tool reported 507 ms, vllm#54101).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1024


def poisson_arrivals(seed: int, rate_per_s: float, duration_ns: int) -> NDArray[np.int64]:
    """Offsets in ns from the start, sorted, all under `duration_ns`: a Poisson process of `rate_per_s`.

    The same seed and rate give the same instants, and a longer duration only adds to them. Raises ValueError for a rate that is not
    finite and positive, or a negative duration.
    """
    if not (np.isfinite(rate_per_s) and rate_per_s > 0) or duration_ns < 0:
        raise ValueError(f"a rate of {rate_per_s}/s over {duration_ns} ns is no schedule")
    generator = np.random.default_rng(seed)
    chunks, last_ns = [np.empty(0, np.float64)], 0.0
    while last_ns < duration_ns:
        # Chunks of one size: the stream of gaps, and so the prefix, does not depend on the duration.
        chunk = last_ns + np.cumsum(generator.exponential(1e9 / rate_per_s, _CHUNK))
        chunks.append(chunk)
        last_ns = float(chunk[-1])
    instants = np.concatenate(chunks).astype(np.int64)
    return instants[instants < duration_ns]
