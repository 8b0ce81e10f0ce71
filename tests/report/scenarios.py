"""The ways a gate can end, and what every one of them has in common."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from mlgate.digests import digest_bytes
from mlgate.service import Service

Array = np.ndarray[Any, Any]
SECOND_NS = 10**9
START_NS = 1_790_949_785 * SECOND_NS
CANDIDATE, STABLE = digest_bytes(b"digits 2"), digest_bytes(b"digits 1")
CONFIGURATION = digest_bytes(b"configuration")
CASES, LOOK_CASES = 900, 150

DECLARATION = """\
apiVersion: mlgate/v1
kind: Service
metadata: {name: digits, owner: vision}
serving: {runtime: torchserve, batch: {size: 16, delay: 1 ms}, workers: 1}
interface:
  protocol: torchserve
  input: {image: {dtype: float32, shape: [-1, 8, 8], at_least: 0, at_most: 16}}
  output: {field: probabilities, shape: [-1, 10], answer: argmax}
objectives:
  - {name: latency-p99, quantile: 0.99, at_most: 200 ms}
  - {name: error-rate, at_most: 1 %}
load: {arrivals: poisson, rate: 200/s, warm_up: 5 s, at_least: 15 s, at_most: 90 s, bursts: independent}
quality:
  - {name: accuracy, metric: accuracy, at_least: 0.94, data: data/holdout.parquet, slices: [digit], look_at: data/look.parquet}
  - {name: no-worse, metric: accuracy, versus: stable, margin: 0.02, data: data/holdout.parquet}
alpha: 0.01
alpha_block: 0.01
"""


@dataclass(frozen=True)
class Scenario:
    """How the two arms behave: wrong answers of the hold-out, median latency, share of failed requests, seconds of load."""

    wrong: int = 23
    wrong_of_stable: int = 26
    median_ms: float = 9.0
    failing: float = 0.0007
    seconds: float = 15.2
    first_release: bool = False
    stable_too: bool = False
    served: str = CANDIDATE


SCENARIOS = {
    "pass": Scenario(),
    "fail-quality": Scenario(wrong=88, seconds=0),
    "fail-latency": Scenario(median_ms=158, seconds=6),
    "void": Scenario(served=digest_bytes(b"digits 3")),
    "inconclusive": Scenario(seconds=3, median_ms=31),
    "first-release": Scenario(first_release=True),
    "both-arms": Scenario(stable_too=True, seconds=20),
}


@cache
def declared() -> Service:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "service.yaml"
        path.write_text(DECLARATION)
        return Service.read(path)


@cache
def digits() -> tuple[Array, Array]:
    images, labels = load_digits(return_X_y=True)
    return images.reshape(-1, 8, 8), labels


def hold_out() -> Array:
    return digits()[1][:CASES]


# Digits of the looked-at cases that a small CNN tends to confuse, and with what.
WRONGLY_SEEN = {8: 1, 9: 5, 3: 9, 1: 8, 5: 9, 4: 7, 2: 3}
