"""Judging an endpoint needs the base install: nothing heavy comes in with the clients or the load worker."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"torch", "pulumi", "psutil", "locust", "gevent", "ts", "sklearn", "scipy"}


def test_clients_and_load_worker_import_nothing_heavy():
    modules = (
        "mlgate_serving.clients",
        "mlgate_loadtests.drive",
        "mlgate_loadtests.worker",
        "mlgate_loadtests.cases",
        "mlgate_loadtests.probe",
    )
    code = f"import sys, {', '.join(modules)}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(run.stdout.split())
