"""The example in Go: compiled against the SDK that is written for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .projects import COLD_S, compile_go, with_sdk, written

pytestmark = pytest.mark.timeout(COLD_S)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, compiled."""
    made = with_sdk("go", tmp_path_factory.mktemp("go") / "gpu-pool")
    assert not compile_go(made)
    return made


def test_it_compiles(project):
    assert (project / "bin" / "gpu-pool").is_file()


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("mlgate.AcceleratorL4", "mlgate.AcceleratorL5", "undefined: mlgate.AcceleratorL5"),
        ("Replicas:    12,", 'Replicas: "12",', 'cannot use "12" (untyped string constant) as int value'),
        ("Replicas:    12,", "Replica: 12,", "unknown field Replica"),
    ],
    ids=["accelerator", "kind", "misspelt"],
)
def test_what_the_schema_rules_out_does_not_compile(project, right, wrong, said):
    with written(project / "main.go", right, wrong):
        assert said in compile_go(project)
