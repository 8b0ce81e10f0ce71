"""One run of the load worker: what is sent where and when, fixed before the first request.

On disk (`job-<run>.arrow`) stand the schedule and what each row will be called, so that the rows of a killed run can be told from its
lost ones. The requests themselves, which are payloads, go to the worker through its standard input and never touch the disk.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mlgate.interface import Interface
from mlgate_serving.clients import Request, Response

_REQUESTS = pa.schema([("method", pa.string()), ("path", pa.string()), ("headers", pa.string()), ("body", pa.large_binary())])
_SCHEDULE = pa.schema([("offset_ns", pa.int64()), ("pick", pa.int32()), ("block", pa.int32())])


@dataclass(frozen=True, slots=True)
class Expectation:
    """What makes an answer right: the label, or a status within both ends and a text that the body mentions. Nothing named: no score."""

    label: float | None = None
    status: tuple[int, int] | None = None
    mentions: str | None = None

    def score(self, response: Response, status: int, body: bytes) -> float | None:
        """1 if everything named holds, else 0 (a request without an answer is not right); None if nothing is named."""
        held: list[bool] = []
        if self.label is not None:
            held.append(response.answer == self.label)
        if self.status is not None:
            held.append(self.status[0] <= status <= self.status[1])
        if self.mentions is not None:
            held.append(self.mentions in body.decode(errors="replace"))
        return float(all(held)) if held else None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request and how its row is called: the case, the arm, the phase (`check`), and what a right answer is."""

    request: Request
    case_id: str
    arm: str
    check: str
    expectation: Expectation = Expectation()


@dataclass(frozen=True)
class Job:
    """A run: at `start + arrivals_ns[i]` goes out `requests[picks[i]]`, which belongs to block `blocks[i]`.

    `targets`: arm to address. `run` numbers the runs in `folder` from 0. `timeout_ns` counts from the instant of sending.
    Raises ValueError when the parts do not fit together.
    """

    folder: Path
    run: int
    targets: Mapping[str, str]
    interface: Interface
    model: str
    requests: Sequence[Prepared]
    arrivals_ns: NDArray[np.int64]
    picks: NDArray[np.int32]
    blocks: NDArray[np.int32]
    timeout_ns: int

    def __post_init__(self) -> None:
        if not len(self.arrivals_ns) == len(self.picks) == len(self.blocks):
            raise ValueError(f"{len(self.arrivals_ns)} arrivals, {len(self.picks)} picks and {len(self.blocks)} blocks do not fit")
        if (np.diff(self.arrivals_ns) < 0).any() or (len(self.arrivals_ns) and self.arrivals_ns[0] < 0):
            raise ValueError("arrivals must be sorted and start at 0 or later")
        if len(self.picks) and not (self.picks.min() >= 0 and self.picks.max() < len(self.requests)):
            raise ValueError(f"picks must name one of the {len(self.requests)} requests")
        if strangers := {prepared.arm for prepared in self.requests} - set(self.targets):
            raise ValueError(f"no target for the arms {', '.join(sorted(strangers))}")
        if self.timeout_ns <= 0:
            raise ValueError("the timeout must be over 0")

    def write(self) -> Path:
        """Write all but the requests; the file's path. Raises FileExistsError when the folder already has a run of this number."""
        naming = [[one.case_id, one.arm, one.check, asdict(one.expectation)] for one in self.requests]
        about = {
            "run": self.run,
            "targets": dict(self.targets),
            "interface": self.interface.model_dump(mode="json"),
            "model": self.model,
            "timeout_ns": self.timeout_ns,
            "naming": naming,
        }
        columns = [np.asarray(self.arrivals_ns, np.int64), np.asarray(self.picks, np.int32), np.asarray(self.blocks, np.int32)]
        table = pa.table(columns, schema=_SCHEDULE.with_metadata({"mlgate": json.dumps(about)}))
        path = job_path(self.folder, self.run)
        with path.open("xb") as stream, pa.ipc.new_file(stream, table.schema) as writer:
            writer.write_table(table)
        return path

    def send_requests(self, stream: IO[bytes]) -> None:
        """Write the requests for `Run.read` to a worker's standard input. Raises BrokenPipeError when the worker is gone."""
        with pa.ipc.new_stream(stream, _REQUESTS) as writer:
            for one in self.requests:
                request = one.request
                row = [[request.method], [request.path], [json.dumps(request.headers)], [request.body]]
                writer.write_batch(pa.record_batch([pa.array(v, f.type) for v, f in zip(row, _REQUESTS, strict=True)], schema=_REQUESTS))
        stream.flush()


def job_path(folder: Path, run: int) -> Path:
    """Where a run's schedule is written."""
    return folder / f"job-{run}.arrow"


def read_job(path: Path, requests: Sequence[Request] | None = None) -> Job:
    """The job in a file that `Job.write` wrote; without `requests` each is an empty one. Raises OSError and pyarrow's ArrowInvalid."""
    with pa.ipc.open_file(path) as reader:
        table = reader.read_all()
    about: dict[str, Any] = json.loads(table.schema.metadata[b"mlgate"])
    nothing = Request("GET", "/", (), b"")
    prepared = []
    for index, (case_id, arm, check, expectation) in enumerate(about["naming"]):
        span = expectation["status"]
        expected = Expectation(expectation["label"], (span[0], span[1]) if span else None, expectation["mentions"])
        prepared.append(Prepared(requests[index] if requests else nothing, case_id, arm, check, expected))
    return Job(
        folder=path.parent,
        run=about["run"],
        targets=about["targets"],
        interface=Interface.model_validate(about["interface"]),
        model=about["model"],
        requests=prepared,
        arrivals_ns=table["offset_ns"].to_numpy(),
        picks=table["pick"].to_numpy(),
        blocks=table["block"].to_numpy(),
        timeout_ns=about["timeout_ns"],
    )


def receive_requests(stream: IO[bytes]) -> list[Request]:
    """The requests that `Job.send_requests` wrote; leaves the stream open behind them."""
    requests = []
    for batch in pa.ipc.open_stream(stream):
        method, path, headers, body = (column[0].as_py() for column in batch.columns)
        requests.append(Request(method, path, tuple((name, value) for name, value in json.loads(headers)), body))
    return requests
