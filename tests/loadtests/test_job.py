"""Jobs: parts that do not fit are refused, and a job survives the way to the worker."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from mlgate_loadtests.job import Expectation, Prepared, read_job, receive_requests
from mlgate_serving.clients import Request, Response

ANSWER = Response(2.0, {"scores": [0, 0, 1]}, None, None)
REFUSAL = Response(None, None, None, "status: 400 no")


@pytest.mark.parametrize(
    ("expectation", "response", "status", "body", "score"),
    [
        (Expectation(), ANSWER, 200, b"", None),
        (Expectation(label=2.0), ANSWER, 200, b"", 1.0),
        (Expectation(label=1.0), ANSWER, 200, b"", 0.0),
        (Expectation(label=1.0), REFUSAL, 400, b"", 0.0),
        (Expectation(status=(400, 499)), REFUSAL, 400, b"", 1.0),
        (Expectation(status=(400, 499)), REFUSAL, 499, b"", 1.0),
        (Expectation(status=(400, 499)), REFUSAL, 500, b"", 0.0),
        (Expectation(status=(400, 499)), REFUSAL, 0, b"", 0.0),
        (Expectation(mentions="image"), REFUSAL, 400, b'{"field": "image"}', 1.0),
        (Expectation(mentions="image"), REFUSAL, 400, b"\xff", 0.0),
        (Expectation(status=(400, 499), mentions="image"), REFUSAL, 400, b"no", 0.0),
    ],
)
def test_an_expectation_scores_what_it_names(expectation, response, status, body, score):
    assert expectation.score(response, status, body) == score


def test_a_job_survives_the_way_to_the_worker(make_job):
    job = make_job(20, expectation=Expectation(label=1.0, status=(200, 299), mentions="é"))
    odd = Prepared(Request("GET", "/ü", (("a", "b"), ("a", "c")), bytes(range(256))), "case ü", "candidate", "look:holdout")
    job = replace(job, requests=[*job.requests, odd])
    job.folder.mkdir()
    pipe = io.BytesIO()
    job.send_requests(pipe)
    pipe.seek(0)
    again = read_job(job.write(), receive_requests(pipe))
    assert not pipe.closed
    for name in ("folder", "run", "targets", "interface", "model", "requests", "timeout_ns"):
        assert getattr(again, name) == getattr(job, name), name
    for name in ("arrivals_ns", "picks", "blocks"):
        np.testing.assert_array_equal(getattr(again, name), getattr(job, name))


def test_without_the_requests_everything_else_is_known(make_job):
    job = make_job(3)
    job.folder.mkdir()
    again = read_job(job.write())
    assert [one.case_id for one in again.requests] == [one.case_id for one in job.requests]
    assert {one.request.body for one in again.requests} == {b""}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"picks": np.zeros(4, np.int32)}, "5 arrivals, 4 picks and 5 blocks"),
        ({"arrivals_ns": np.array([0, 2, 1, 3, 4])}, "sorted"),
        ({"arrivals_ns": np.array([-1, 2, 3, 4, 5])}, "start at 0"),
        ({"picks": np.full(5, 8, np.int32)}, "picks must name one of the 8 requests"),
        ({"picks": np.full(5, -1, np.int32)}, "picks must name"),
        ({"targets": {"stable": "http://a"}}, "no target for the arms candidate"),
        ({"timeout_ns": 0}, "timeout"),
    ],
)
def test_parts_that_do_not_fit_are_refused(make_job, changes, message):
    with pytest.raises(ValueError, match=message):
        replace(make_job(5), **changes)
