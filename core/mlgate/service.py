"""`Service`: what a model team declares in `service.yaml`. Infrastructure, load, gates, alerts and dashboards all read this one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, PrivateAttr, Tag, field_validator, model_validator

from mlgate.digests import digest_json
from mlgate.documents import Declared, Location, contradictions, read_document
from mlgate.interface import FieldName, Interface, Name
from mlgate.quantities import DurationNs, RatePerS, Share, format_duration

Probability = Annotated[float, Field(gt=0, lt=1)]


class Metadata(Declared):
    """What the service is called and who answers for it."""

    name: Name = Field(description="the service; its endpoints, URL and ledger entries carry it")
    owner: Name = Field(description="the team that answers for it")


class Batch(Declared):
    """Server-side batching. `delay` is added to every lone request, so it is short and said."""

    size: int = Field(default=16, ge=1, le=1024, description="how many requests the server answers together at most")
    delay: DurationNs = Field(default=1_000_000, description="how long it waits for a batch to fill")


class Resources(Declared):
    """What one replica runs on; `cpu` where no accelerator is named.

    A machine of yours that lacks the accelerator (`mlgate env local`) serves on its CPU, and says so when it starts.
    """

    accelerator: Literal["cpu", "t4", "a10g", "l4", "l40s", "a100-40g", "a100-80g", "h100", "h200", "b200"] = Field(
        default="cpu", description="the kind of accelerator"
    )
    count: int = Field(default=1, ge=1, le=16, description="how many of them one replica has")


class Serving(Declared):
    """How one replica serves: the runtime, its batching, its worker processes and its resources."""

    runtime: Literal["torchserve"] = Field(default="torchserve", description="the model server")
    batch: Batch = Field(default=Batch(), description="server-side batching")
    workers: int = Field(default=1, ge=1, le=64, description="processes that answer, each with a model of its own in memory")
    resources: Resources = Field(default=Resources(), description="what a replica runs on")


class LatencyObjective(Declared):
    """A latency quantile, from the scheduled instant to the last byte, is at most a bound."""

    name: Name = Field(description="what the check is called in reports")
    quantile: Probability = Field(description="the share of requests that keep the bound, such as 0.99")
    at_most: DurationNs = Field(description="the bound; a failed request counts as over it")

    @field_validator("at_most")
    @classmethod
    def _possible(cls, value: int) -> int:
        if value == 0:
            raise ValueError("no answer takes 0 ms: write a longer time, such as 50 ms")
        return value


class ErrorRateObjective(Declared):
    """The share of failed requests is at most a bound."""

    name: Name = Field(description="what the check is called in reports")
    at_most: Share = Field(description="the share of requests that may fail: no answer, not 2xx, or off the interface")

    @field_validator("at_most")
    @classmethod
    def _provable(cls, value: float) -> float:
        if not 0 < value < 1:
            raise ValueError("0 % can never be proven and 100 % promises nothing: write a share between, such as 1 %")
        return value


def _by(key: str) -> Discriminator:
    """Tells two forms of one list apart by whether `key` is there."""

    def tag(value: Any) -> str:
        return "with" if (key in value if isinstance(value, dict) else hasattr(value, key)) else "without"

    return Discriminator(tag)


# The unit decides what an objective measures: a quantile with a time, or a share.
Objective = Annotated[
    Annotated[LatencyObjective, Tag("with")] | Annotated[ErrorRateObjective, Tag("without")],
    _by("quantile"),
]


class Load(Declared):
    """The load under which the objectives hold, and for how long they are watched."""

    arrivals: Literal["poisson"] = Field(default="poisson", description="how requests are spread over time")
    rate: RatePerS = Field(description="how many requests are sent, whether or not the earlier ones were answered")
    warm_up: DurationNs = Field(default=5_000_000_000, description="the same load before it, which is not judged")
    at_least: DurationNs = Field(default=60_000_000_000, description="no PASS before this time; a FAIL may come earlier")
    at_most: DurationNs = Field(default=300_000_000_000, description="what is not proven by then is INCONCLUSIVE")
    bursts: Literal["independent"] = Field(description="the assumption that alpha rests on: requests exceed a bound independently")

    @field_validator("rate")
    @classmethod
    def _some(cls, value: float) -> float:
        if value <= 0:
            raise ValueError("rate must be over 0/s")
        return value

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.at_least > self.at_most:
            said = f"at_least {format_duration(self.at_least)} is over at_most {format_duration(self.at_most)}"
            raise contradictions({("at_least",): (said, "a shorter time, or a longer at_most")})
        return self


class AbsoluteBar(Declared):
    """Accuracy on the hold-out is at least a bar."""

    name: Name = Field(description="what the check is called in reports")
    metric: Literal["accuracy"] = Field(description="the share of right answers")
    at_least: Probability = Field(description="the bar")
    data: str = Field(description="the hold-out, a Parquet file; a path from the folder of service.yaml")
    slices: tuple[FieldName, ...] = Field(
        default=(), strict=False, description="columns of the hold-out; the report gives the accuracy for each of their values"
    )
    look_at: str | None = Field(
        default=None, description="another such file, whose cases never gate: the report shows the wrong ones as pictures"
    )


class MarginBar(Declared):
    """Accuracy is worse than stable's by less than a margin, paired on the same cases."""

    name: Name = Field(description="what the check is called in reports")
    metric: Literal["accuracy"] = Field(description="the share of right answers")
    versus: Literal["stable"] = Field(description="what it is compared with: the release that serves")
    margin: Probability = Field(description="how much lower it may be, such as 0.02 for two points")
    data: str = Field(description="the hold-out, a Parquet file; a path from the folder of service.yaml")


Bar = Annotated[
    Annotated[MarginBar, Tag("with")] | Annotated[AbsoluteBar, Tag("without")],
    _by("versus"),
]


class Service(Declared):
    """The whole declaration. `read` takes it from a file and remembers the folder that data paths are relative to."""

    apiVersion: Literal["mlgate/v1"] = Field(description="the version of this format")
    kind: Literal["Service"] = Field(description="what the file declares")
    metadata: Metadata = Field(description="name and owner")
    serving: Serving = Field(default=Serving(), description="how it is served, where mlgate serves it")
    interface: Interface = Field(description="what goes over the wire")
    objectives: tuple[Objective, ...] = Field(
        default=(), strict=False, description="latency and errors under load: a quantile with a time, or a share"
    )
    load: Load | None = Field(default=None, description="the load for the objectives; needed where there are any")
    quality: tuple[Bar, ...] = Field(default=(), strict=False, description="accuracy on hold-out data: a bar, or a margin against stable")
    alpha: Probability = Field(default=0.01, description="the chance that a release with a false claim is promoted")
    alpha_block: Probability = Field(default=0.01, description="the chance that a release all of whose claims hold is refused")
    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found: dict[Location, tuple[str, str]] = {}
        taken = {"contract"}  # the check that every gate has
        for key, checks in (("objectives", self.objectives), ("quality", self.quality)):
            for index, check in enumerate(checks):
                if check.name in taken:
                    found[key, index, "name"] = (f"{check.name!r} is taken", "names must differ, and not be 'contract'")
                taken.add(check.name)
        if self.objectives and self.load is None:
            found["objectives",] = ("objectives need a load under which they hold", "add load, such as {rate: 200/s, bursts: independent}")
        if found:
            raise contradictions(found)
        return self

    @classmethod
    def read(cls, path: Path) -> Service:
        """The service that the file declares. Raises DeclarationError with every problem in it."""
        service = read_document(path, cls)
        service._folder = path.resolve().parent
        return service

    @property
    def name(self) -> str:
        """The service's name, `metadata.name`."""
        return self.metadata.name

    def data_path(self, declared: str) -> Path:
        """Where a declared data file lies: beside `service.yaml`."""
        return self._folder / declared

    @property
    def digest(self) -> str:
        """The digest of what is declared, whatever the file's layout and comments."""
        return digest_json(self.model_dump(mode="json"))
