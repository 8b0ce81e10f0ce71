"""`Service`: what a model team declares in `service.yaml`. Infrastructure, load, gates, alerts and dashboards all read this one file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, PrivateAttr, Tag, field_validator, model_validator

from mlgate.digests import digest_json
from mlgate.documents import Declared, read_document
from mlgate.interface import FieldName, Interface, Name
from mlgate.quantities import DurationNs, RatePerS, Share, format_duration

Probability = Annotated[float, Field(gt=0, lt=1)]


class Metadata(Declared):
    """What the service is called and who answers for it."""

    name: Name
    owner: Name


class Batch(Declared):
    """Server-side batching. `delay` is added to every lone request, so it is short and said."""

    size: Annotated[int, Field(ge=1, le=1024)] = 16
    delay: DurationNs = 1_000_000


class Resources(Declared):
    """What one replica runs on; `cpu` where no accelerator is named."""

    accelerator: Literal["cpu", "t4", "a10g", "l4", "l40s", "a100-40g", "a100-80g", "h100", "h200", "b200"] = "cpu"
    count: Annotated[int, Field(ge=1, le=16)] = 1


class Serving(Declared):
    """How one replica serves: the runtime, its batching, its worker processes and its resources."""

    runtime: Literal["torchserve"] = "torchserve"
    batch: Batch = Batch()
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    resources: Resources = Resources()


class LatencyObjective(Declared):
    """A latency quantile, from the scheduled instant to the last byte, is at most a bound."""

    name: Name
    quantile: Probability
    at_most: DurationNs


class ErrorRateObjective(Declared):
    """The share of failed requests is at most a bound."""

    name: Name
    at_most: Share

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

    arrivals: Literal["poisson"] = "poisson"
    rate: RatePerS
    warm_up: DurationNs = 5_000_000_000
    at_least: DurationNs = 60_000_000_000
    at_most: DurationNs = 300_000_000_000
    bursts: Literal["independent"]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.rate <= 0:
            raise ValueError("rate must be over 0/s")
        if self.at_least > self.at_most:
            raise ValueError(f"at_least {format_duration(self.at_least)} is over at_most {format_duration(self.at_most)}")
        return self


class AbsoluteBar(Declared):
    """Accuracy on the hold-out is at least a bar. `look_at` names cases that never gate: the report shows the wrong ones as pictures."""

    name: Name
    metric: Literal["accuracy"]
    at_least: Probability
    data: str
    slices: tuple[FieldName, ...] = Field(default=(), strict=False)
    look_at: str | None = None


class MarginBar(Declared):
    """Accuracy is worse than stable's by less than a margin, paired on the same cases."""

    name: Name
    metric: Literal["accuracy"]
    versus: Literal["stable"]
    margin: Probability
    data: str


Bar = Annotated[
    Annotated[MarginBar, Tag("with")] | Annotated[AbsoluteBar, Tag("without")],
    _by("versus"),
]


class Service(Declared):
    """The whole declaration. `load` reads it from a file and remembers the folder that data paths are relative to."""

    apiVersion: Literal["mlgate/v1"]
    kind: Literal["Service"]
    metadata: Metadata
    serving: Serving = Serving()
    interface: Interface
    objectives: tuple[Objective, ...] = Field(default=(), strict=False)
    load: Load | None = None
    quality: tuple[Bar, ...] = Field(default=(), strict=False)
    alpha: Probability = 0.01
    alpha_block: Probability = 0.01
    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = Counter(check.name for check in [*self.objectives, *self.quality])
        if repeated := sorted(name for name, times in names.items() if times > 1 or name == "contract"):
            raise ValueError(f"names must differ, and not be 'contract': {', '.join(repeated)}")
        if self.objectives and self.load is None:
            raise ValueError("objectives need a load under which they hold: add load")
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
