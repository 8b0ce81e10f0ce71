"""Logs of TorchServe starts that failed, as they were recorded, and what is said about each."""

import pytest

from mlgate_serving.failures import find_failure

WELL = """\
WARNING: sun.reflect.Reflection.getCallerClass is not supported. This will impact performance.
Model server started.
2026-11-24T22:45:16,377 INFO  MODEL_LOG Torch worker started.
2026-11-24T22:45:16,514 INFO  MODEL_LOG model_name: digits, batchSize: 16
"""

IMPORT = """\
2026-11-24T22:45:16,550 INFO  MODEL_LOG Backend worker process died.
2026-11-24T22:45:16,550 INFO  MODEL_LOG Traceback (most recent call last):
2026-11-24T22:45:16,550 INFO  MODEL_LOG   File "/x/ts/model_loader.py", line 108, in load
2026-11-24T22:45:16,550 INFO  MODEL_LOG     module, function_name = self._load_handler_file(handler)
2026-11-24T22:45:16,558 INFO  MODEL_LOG   File "/y/tmp/models/8faea9fefa1d41b6b7cc926516377241/handler.py", line 3, in <module>
2026-11-24T22:45:16,558 INFO  MODEL_LOG     import no_such_module
2026-11-24T22:45:16,558 INFO  MODEL_LOG ModuleNotFoundError: No module named 'no_such_module'
2026-11-24T22:45:16,558 INFO  MODEL_LOG During handling of the above exception, another exception occurred:
2026-11-24T22:45:16,558 INFO  MODEL_LOG Traceback (most recent call last):
2026-11-24T22:45:16,558 INFO  MODEL_LOG ModuleNotFoundError: No module named 'ts.torch_handler.handler'
"""

INTERLEAVED = """\
2026-11-24T22:45:39,761 INFO  MODEL_LOG Backend worker process died.
2026-11-24T22:45:39,761 INFO  MODEL_LOG Traceback (most recent call last):
2026-11-24T22:45:39,762 INFO  MODEL_LOG     service = model_loader.load(
2026-11-24T22:45:39,797 WARN  BatchAggregator Load model failed: digits, error: Worker died.
2026-11-24T22:45:39,869 INFO  MODEL_LOG   File "/y/tmp/models/3e80014a79b4434e912dd63154f7f799/handler.py", line 6, in initialize
2026-11-24T22:45:39,869 INFO  MODEL_LOG ValueError: the table is missing
"""

ALTERED = """\
2026-11-24T22:46:56,261 INFO  MODEL_LOG Failed to load model digits, exception mlgate: (as below)
2026-11-24T22:46:56,262 INFO  MODEL_LOG Traceback (most recent call last):
2026-11-24T22:46:56,262 INFO  MODEL_LOG   File "/y/models/c0899030b49143caa82d789df252db6a/mlgate_serving/handler.py", line 162
2026-11-24T22:46:56,262 INFO  MODEL_LOG mlgate_serving.handler.LoadError: mlgate: the archive holds release sha256:70, expected sha256:5c
"""

ENDED = """\
2026-11-24T22:46:15,853 INFO  MODEL_LOG model_name: digits, batchSize: 16
2026-11-24T22:46:15,895 WARN  BatchAggregator Load model failed: digits, error: Worker died.
"""

DAMAGED = """\
2026-11-24T22:46:31,653 WARN  ModelServer Failed to load model: digits-1.mar
java.util.zip.ZipException: invalid entry CRC (expected 0x1e8591b7 but got 0xa0773af5)
	at java.util.zip.ZipInputStream.read(Unknown Source) ~[?:?]
"""

BOUND = """\
java.io.IOException: Failed to bind to address: http://127.0.0.1:22341
	at org.pytorch.serve.ModelServer.initializeServer(ModelServer.java:354)
Caused by: io.netty.channel.unix.Errors$NativeIoException: bind(..) failed: Address already in use
"""

BOUND_GRPC = """\
java.io.IOException: Failed to bind to address /127.0.0.1:46083
Caused by: io.grpc.netty.shaded.io.netty.channel.unix.Errors$NativeIoException: bind(..) failed: Address already in use
"""


@pytest.mark.parametrize(
    ("log", "parts"),
    [
        (IMPORT, ["handler raised", "(handler.py:3)", "ModuleNotFoundError: No module named 'no_such_module'"]),
        (INTERLEAVED, ["handler raised", "(handler.py:6)", "ValueError: the table is missing"]),
        (ALTERED, ["the archive holds release sha256:70, expected sha256:5c"]),
        (ENDED, ["worker ended while it loaded the model"]),
        (DAMAGED, ["digits-1.mar cannot be unpacked", "invalid entry CRC"]),
        (BOUND, ["port is taken: http://127.0.0.1:22341"]),
        (BOUND_GRPC, ["port is taken: /127.0.0.1:46083"]),
    ],
)
def test_the_cause_is_said_in_one_sentence(log: str, parts: list[str]) -> None:
    failure = find_failure(WELL + log)
    assert failure is not None
    for part in parts:
        assert part in failure.problem
    assert failure.remedy
    assert failure.port_taken == (log in (BOUND, BOUND_GRPC))


def test_the_error_ends_with_the_tail_of_the_log() -> None:
    failure = find_failure(WELL + INTERLEAVED)
    assert failure is not None
    error = failure.error("digits-0", WELL + INTERLEAVED)
    assert error.where == "endpoint digits-0"
    assert error.problem.endswith(INTERLEAVED.splitlines()[-1])


@pytest.mark.parametrize("log", ["", WELL])
def test_a_start_that_goes_well_has_no_failure(log: str) -> None:
    assert find_failure(log) is None
