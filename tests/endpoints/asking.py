"""Digits, and how an endpoint of theirs is asked."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from mlgate_serving.clients import Request, send
from mlgate_serving.endpoint import LocalEndpoint
from mlgate_serving.management import Management


def images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 17, (count, 8, 8)).astype(np.float32)


def post(endpoint: LocalEndpoint, body: bytes) -> tuple[int, dict[str, str], Any]:
    headers = (("content-type", "application/json"),)
    status, received, content = send(Request("POST", "/predictions/digits", headers, body), endpoint.url, timeout_s=60)
    return status, received, json.loads(content)


def worker_pids(endpoint: LocalEndpoint) -> list[int]:
    return [
        worker.pid for worker in Management(endpoint.management_url, endpoint.url).describe("digits").workers if worker.status == "READY"
    ]
