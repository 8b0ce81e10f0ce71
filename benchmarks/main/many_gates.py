"""Gates of healthy releases, many of them: how often a gate does not come to the PASS that it should."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import Row, continued, median_row, say
from benchmarks.main.stand import Stand
from benchmarks.provenance import RESULTS, Origin, load
from mlgate import Environment, Verdict
from mlgate_gates.request import GateRequest, Subject
from mlgate_gates.run import run_gate
from mlgate_serving.endpoint import LocalEndpoint

RECORD = RESULTS / "main-gates.jsonl"


def measure(stand: Stand, origin: Callable[[], Origin], *, anew: bool = False, gates: int = 50, record: Path = RECORD) -> list[Row]:
    """Releases 1 and 2 side by side, brought up once; each gate with a ledger of its own, the two in turn as candidate and stable.

    A line in `record` for each gate that ended, so that the next run goes on from there, if its `origin` is the same; `anew` forgets them.
    """
    now = origin()
    if anew:
        record.unlink(missing_ok=True)
    done = continued(record, now, "gates")
    if len(done) < gates:
        with stand.serving(1) as first, stand.serving(2) as second:
            for number in range(len(done), gates):
                gate = _gate(stand, *((second, first) if number % 2 == 0 else (first, second)))
                done.append({"commit": now.commit, "mlgate": now.versions["mlgate"], "origin": now.fingerprint, **gate})
                record.parent.mkdir(exist_ok=True)
                with record.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(done[-1]) + "\n")
                say(f"gate {number + 1} of {gates}: {gate['verdict']} after {gate['seconds']:.0f} s, {gate['reason']}")
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
        "load_1min": load(),
    }
