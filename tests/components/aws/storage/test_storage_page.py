"""The page about what is kept: its program runs, and it tells the arguments that there are."""

from __future__ import annotations

import re
from pathlib import Path

from mlgate_components.aws.storage.audit_trail import AuditTrailArgs
from mlgate_components.aws.storage.buckets import LOGS_KEPT_DAYS
from mlgate_components.aws.storage.evidence_storage import EvidenceStorageArgs
from mlgate_components.aws.storage.keys import DELETION_DAYS, KeyArgs
from mlgate_components.aws.storage.model_storage import NONCURRENT_DAYS, ModelStorageArgs
from mlgate_testkit.lint import assert_clean
from mlgate_testkit.record import record

from .stores import ANSWERS

PAGE = (Path(__file__).parents[4] / "docs" / "platform-storage.md").read_text(encoding="utf-8")
OF = {"models": ModelStorageArgs, "evidence": EvidenceStorageArgs, "trail": AuditTrailArgs, "`Key`": KeyArgs}


def test_its_program_runs(tmp_path: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "program.py"
    file.write_text(block, encoding="utf-8")
    graph = record(file, invokes=ANSWERS)
    assert {found.type.rpartition(":")[2] for found in graph.roots} == {"ModelStorage", "EvidenceStorage", "AuditTrail", "Key"}
    assert_clean(graph)


def test_it_tells_each_argument_with_the_components_that_take_it() -> None:
    told: dict[str, set[str]] = {name: set() for name in OF}
    for names, whose in re.findall(r"^\| (`[^|]+`) \| ([^|]+) \| [^|]*\|$", PAGE, re.MULTILINE):
        of = set(OF) - ({"`Key`"} if "all but" in whose else set()) if whose.startswith("all") else {name for name in OF if name in whose}
        for component in of:
            told[component] |= set(re.findall(r"`(\w+)`", names))
    assert told == {name: set(args.__annotations__) for name, args in OF.items()}


def test_it_tells_the_days_that_hold_unless_said() -> None:
    days = {name: int(found) for name, found in re.findall(r"^\| `(\w+_days)` \|.*?(\d+) unless said", PAGE, re.MULTILINE)}
    assert days["log_days"] == LOGS_KEPT_DAYS
    assert days["noncurrent_days"] == NONCURRENT_DAYS
    assert "30 unless said, 7 to 30" in PAGE
    assert DELETION_DAYS == 30
