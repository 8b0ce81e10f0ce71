import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate_delivery.steps import failure_of, step_of

TYPES = "pulumi-python:dynamic/mlgate:"


def resource_event(kind, op, type_, name="toy-0123456789ab"):
    return {kind: {"metadata": {"op": op, "type": type_, "urn": f"urn:pulumi:local::mlgate::{type_}::{name}"}}}


def error(message, severity="error"):
    return {"diagnosticEvent": {"prefix": "error: ", "message": message, "severity": severity}}


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (resource_event("resourcePreEvent", "create", TYPES + "EndpointProcess"), "endpoint toy-0123456789ab: creating"),
        (resource_event("resOutputsEvent", "create", TYPES + "EndpointProcess"), "endpoint toy-0123456789ab: created"),
        (resource_event("resourcePreEvent", "update", TYPES + "StableUrl", "toy"), "traffic of toy: updating"),
        (resource_event("resOutputsEvent", "delete", TYPES + "StoredRelease"), "model store toy-0123456789ab: deleted"),
    ],
)
def test_a_step_is_said_in_words(event, words):
    assert step_of(event).words == words


@pytest.mark.parametrize(
    "event",
    [
        resource_event("resourcePreEvent", "same", TYPES + "EndpointProcess"),
        resource_event("resourcePreEvent", "create", "pulumi:pulumi:Stack"),
        resource_event("resourcePreEvent", "create", "mlgate:local:TorchServeEndpoint"),
        {"summaryEvent": {}},
        error("no"),
    ],
)
def test_what_stays_as_it_is_and_what_only_groups_is_no_step(event):
    assert step_of(event) is None


TRACEBACK = """Traceback (most recent call last):
  File "dynamic/__main__.py", line 84, in wrapper
    return fn(self, request, context)
mlgate.errors.ProcessError: toy-1: port 8080 is taken
  -> stop what listens there

"""


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (TRACEBACK, "toy-1: port 8080 is taken\n  -> stop what listens there"),
        ("mlgate.errors.ProcessError: toy-1: no\n  -> do\n\n", "toy-1: no\n  -> do"),
        ("Traceback (most recent call last):\n  File \"x.py\", line 1\nKeyError: 'stage'\n", "KeyError: 'stage'"),
        (
            f"{TYPES}StoredRelease resource 'toy-1': property source value {{/x}} has a problem: /x/toy-1.mar: damaged\n  -> pack again",
            "/x/toy-1.mar: damaged\n  -> pack again",
        ),
        ("stable is not set\n  -> set it\n", "stable is not set\n  -> set it"),
    ],
)
def test_a_failure_is_its_reason_without_wrapping_and_traceback(message, said):
    assert failure_of(error(message)) == said


@pytest.mark.parametrize("message", ["update failed\n", "an unhandled error occurred: program exited with non-zero exit code: 1\n"])
def test_what_the_engine_says_besides_the_reason_is_no_reason(message):
    assert failure_of(error(message)) is None


def test_warnings_and_output_of_the_program_are_no_failures():
    assert failure_of(error("careful", severity="warning")) is None
    assert failure_of(error("hello", severity="info")) is None


@given(st.text())
def test_no_message_is_too_strange(message):
    for said in (message, f"Traceback (most recent call last):\n{message}", f"mlgate.errors.StackError: {message}"):
        reason = failure_of(error(said))
        assert reason is None or reason in said
