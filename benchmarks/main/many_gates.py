"""Gates of healthy releases, many of them: how often a gate does not come to the PASS that it should."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from harness import RESULTS, Row, median_row, say
from stand import Stand

from mlgate import Environment, Verdict
from mlgate_gates.request import GateRequest, Subject
from mlgate_gates.run import run_gate
from mlgate_serving.endpoint import LocalEndpoint

RECORD = RESULTS / "main-gates.jsonl"


def measure(stand: Stand, gates: int = 50, record: Path = RECORD) -> list[Row]:
    """Releases 1 and 2 side by side, brought up once; each gate with a ledger of its own, the two in turn as candidate and stable.

    A line in `record` for each gate that ended, so that the next run goes on from there.
    """
    if "--again" in sys.argv:
        record.unlink(missing_ok=True)
    done = _read(record)
    if len(done) < gates:
        with stand.serving(1) as first, stand.serving(2) as second:
            for number in range(len(done), gates):
                done.append(_gate(stand, *((second, first) if number % 2 == 0 else (first, second))))
                record.parent.mkdir(exist_ok=True)
                with record.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(done[-1]) + "\n")
                say(f"gate {number + 1} of {gates}: {done[-1]['verdict']} after {done[-1]['seconds']:.0f} s, {done[-1]['reason']}")
    verdicts = Counter(gate["verdict"] for gate in done)
    unproven = len(done) - verdicts[Verdict.PASS]
    told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    return [
        Row("gates of healthy releases that did not pass", unproven, "gates", 1, reference=f"of {len(done)}: {told}"),
        median_row("a gate", [gate["seconds"] for gate in done], "s", reference="contract, 900 hold-out cases to each arm, load at 200/s"),
        median_row("requests of a gate", [gate["requests"] for gate in done], "requests"),
    ]


def _gate(stand: Stand, candidate: LocalEndpoint, stable: LocalEndpoint) -> dict[str, Any]:
    home = stand.folder_of("gate")
    subject, reference = (Subject(endpoint.url, endpoint.release, endpoint.configuration) for endpoint in (candidate, stable))
    environment = Environment(name="local", home=home / "local")
    begin = time.monotonic()
    result = run_gate(GateRequest(stand.service, environment, subject, reference), lambda line: None).result
    shutil.rmtree(home)
    return {
        "verdict": result.verdict.value,
        "decided_by": result.decided_by,
        "reason": result.reason,
        "requests": result.health["rows"],
        "late": result.health["late"],
        "seconds": round(time.monotonic() - begin, 1),
        "load_1min": round(os.getloadavg()[0], 2),
    }


def _read(record: Path) -> list[dict[str, Any]]:
    """The gates that ended so far; a line that was cut short by a kill is one that did not."""
    if not record.is_file():
        return []
    whole = record.read_text(encoding="utf-8").rpartition("\n")[0]
    record.write_text(whole + "\n" if whole else "", encoding="utf-8")
    return [json.loads(line) for line in whole.splitlines()]
