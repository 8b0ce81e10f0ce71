"""Stages of our own are made of kwok's: where that says something else one day, these say so before a pod hangs."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mlgate_testkit.cluster import stages as module
from mlgate_testkit.cluster.stages import stages

KWOK = """\
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-ready}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .status.phase, operator: In, values: [Pending]}
  next:
    statusTemplate: |
      {{ $now := Now }}
      conditions:
      - lastTransitionTime: {{ $now | Quote }}
        status: "True"
        type: Initialized
      - lastTransitionTime: {{ $now | Quote }}
        status: "True"
        type: Ready
      - lastTransitionTime: {{ $now | Quote }}
        status: "True"
        type: ContainersReady
      containerStatuses:
      {{ range .spec.containers }}
      - name: {{ .name | Quote }}
        ready: true
        restartCount: 0
        state:
          running:
            startedAt: {{ $now | Quote }}
      {{ end }}
      initContainerStatuses:
      {{ range .spec.initContainers }}
      - ready: true
      {{ end }}
      phase: Running
"""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, object]]:
    (tmp_path / "pod-ready.yaml").write_text(KWOK)
    monkeypatch.setattr(module, "data_folder", lambda *_names: tmp_path)
    return {stage["metadata"]["name"]: stage for stage in stages()}


def status(stage: dict[str, object]) -> str:
    return str(stage["spec"]["next"]["statusTemplate"])  # type: ignore[index]


def test_kwoks_own_stage_leaves_our_pods_alone(made: dict[str, dict[str, object]]) -> None:
    when = yaml.safe_dump(made["pod-ready"])
    assert when.count("DoesNotExist") == 2
    assert "testkit.mlgate/ready-after" in when
    assert "testkit.mlgate/fails" in when


def test_a_pod_that_starts_runs_and_is_initialised_but_not_ready(made: dict[str, dict[str, object]]) -> None:
    text = status(made["testkit-pod-starts"])
    assert 'status: "True"\n  type: Initialized' in text
    assert 'status: "False"\n  type: Ready\n' in text
    assert 'status: "False"\n  type: ContainersReady\n' in text
    head, tail = text.split("initContainerStatuses:")
    assert "ready: false" in head
    assert "ready: true" not in head
    assert "ready: true" in tail
    assert "phase: Running" in tail


def test_a_failing_pod_waits_with_the_reason_of_its_annotation(made: dict[str, dict[str, object]]) -> None:
    text = status(made["testkit-pod-fails"])
    assert "waiting:" in text
    assert "running:" not in text
    assert '{{ index $.metadata.annotations "testkit.mlgate/fails" | Quote }}' in text


def test_a_change_of_a_running_pod_gives_it_no_address_again(made: dict[str, dict[str, object]]) -> None:
    for name, word in (("testkit-pod-ready-later", "True"), ("testkit-pod-ready-again", "True"), ("testkit-pod-unready", "False")):
        text = status(made[name])
        assert "podIP" not in text
        assert text.count(f'status: "{word}"') == 2
        assert f"ready: {word.lower()}" in text
