"""A declaration to vary, and a way to read a changed one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlgate import Service

DECLARATION = """\
apiVersion: mlgate/v1
kind: Service
metadata: {name: digits, owner: vision}
serving: {runtime: torchserve, batch: {size: 16, delay: 1ms}, workers: 2, resources: {accelerator: l4, count: 1}}
interface:
  protocol: torchserve
  input: {image: {dtype: float32, shape: [-1, 8, 8], at_least: 0, at_most: 16}}
  output: {field: probabilities, shape: [-1, 10], answer: argmax}
  auth: {bearer: ENDPOINT_TOKEN}
objectives:
  - {name: latency-p99, quantile: 0.99, at_most: 200 ms}
  - {name: error-rate, at_most: 1 %}
load: {arrivals: poisson, rate: 200/s, warm_up: 5 s, at_least: 60 s, at_most: 300 s, bursts: independent}
quality:
  - {name: accuracy, metric: accuracy, at_least: 0.94, data: data/holdout.parquet, slices: [digit]}
  - {name: no-worse, metric: accuracy, versus: stable, margin: 0.02, data: data/holdout.parquet}
alpha: 0.01
alpha_block: 0.01
"""


@pytest.fixture
def declaration() -> str:
    """The text of a service.yaml with every part in it."""
    return DECLARATION


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Service]:
    """Reads a text as if it were the service.yaml of a folder."""

    def reader(text: str) -> Service:
        path = tmp_path / "service.yaml"
        path.write_text(text, encoding="utf-8")
        return Service.read(path)

    return reader
