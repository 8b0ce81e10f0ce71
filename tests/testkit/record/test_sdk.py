"""What is read off an SDK while it is loaded."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# The first of a process, since what is loaded stays so.
AT_ONCE = """
import json, sys, threading
from concurrent.futures import ThreadPoolExecutor
from mlgate_testkit.record.sdk import arguments_of, class_of, field_types, output_fields

token, field = sys.argv[1:]
together = threading.Barrier(16)

def ask(_thread):
    together.wait()
    found = class_of(token)
    return field in field_types(arguments_of(found)) and field in output_fields(found)

with ThreadPoolExecutor(16) as pool:
    print(json.dumps(list(pool.map(ask, range(16)))))
"""


@pytest.mark.parametrize(
    ("token", "field"),
    [
        ("aws:ec2/vpc:Vpc", "cidrBlock"),  # its class is in a module that loads late
        ("kubernetes:apps/v1:Deployment", "metadata"),  # and here a field's type in yet another
    ],
)
def test_many_threads_that_ask_for_a_type_at_once_all_find_it_whole(token: str, field: str) -> None:
    asked = subprocess.run([sys.executable, "-c", AT_ONCE, token, field], check=False, capture_output=True, text=True)
    assert not asked.returncode, asked.stderr
    assert json.loads(asked.stdout) == [True] * 16
