"""The data a gate sends: each distinct case of each declared file once, with the arms that answer it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from mlgate.errors import DeclarationError, Problem
from mlgate.service import AbsoluteBar, MarginBar, Service
from mlgate_loadtests.cases import Cases, read_cases


@dataclass(frozen=True, slots=True)
class Sample:
    """The distinct cases of one file, and how many more of its rows repeat one of them, label and all, and are not asked.

    `look` marks cases that never gate: people look at the wrong ones.
    """

    id: str
    data: str
    cases: Cases
    repeats: int
    arms: tuple[str, ...]
    look: bool

    @property
    def check(self) -> str:
        """The name of its phase in the observations."""
        return phase_of(self)

    def to_dict(self) -> dict[str, Any]:
        """Its part of the plan."""
        return {
            "id": self.id,
            "data": self.data,
            "digest": self.cases.digest,
            "cases": len(self.cases),
            "repeats": self.repeats,
            "arms": list(self.arms),
            "look": self.look,
        }


@dataclass(slots=True)
class DeclaredFile:
    """A data file as declared: which arms answer it, which columns are slices, and whether people look at it."""

    arms: set[str]
    slices: set[str]
    look: bool


def declared_files(service: Service, *, with_stable: bool) -> dict[str, DeclaredFile]:
    """Every data file that the service declares, by its name there and in that order."""
    files: dict[str, DeclaredFile] = {}
    for bar in service.quality:
        file = files.setdefault(bar.data, DeclaredFile(set(), set(), look=False))
        if isinstance(bar, AbsoluteBar):
            file.arms.add("candidate")
            file.slices.update(bar.slices)
            if bar.look_at is not None:
                files.setdefault(bar.look_at, DeclaredFile({"candidate"}, set(), look=True))
        elif with_stable:
            file.arms |= {"candidate", "stable"}
    return files


def read_samples(service: Service, *, with_stable: bool = True) -> tuple[Sample, ...]:
    """Every data file that the service declares, in the order of the declaration.

    Raises DeclarationError with all problems of all files at once.
    """
    samples: list[Sample] = []
    problems: list[Problem] = []
    for data, file in declared_files(service, with_stable=with_stable).items():
        path = service.data_path(data)
        try:
            read = read_cases(path, service.interface, slices=tuple(sorted(file.slices)))
            cases = _distinct(read)
        except DeclarationError as error:
            problems += error.problems
        else:
            repeats = len(read) - len(cases)
            samples.append(Sample(_id_of(data, samples), data, cases, repeats, tuple(sorted(file.arms)), file.look))
    if problems:
        raise DeclarationError(problems)
    return tuple(samples)


def _distinct(cases: Cases) -> Cases:
    """The first case of each input with its label: a model that is asked again what it has answered proves nothing more.

    One input under two labels is two cases: where what can be seen does not decide the label, that is what the world is like.
    """
    first: dict[tuple[bytes, float], int] = {}
    for place, content in enumerate(cases.contents):
        first.setdefault((content, float(cases.labels[place])), place)
    return cases if len(first) == len(cases) else cases.take(list(first.values()))


def _id_of(data: str, others: list[Sample]) -> str:
    stem = data.rsplit("/", 1)[-1].split(".", 1)[0]
    taken = {sample.id for sample in others}
    return stem if stem not in taken else f"{stem}-{len(taken) + 1}"


class _OfFile(Protocol):
    """A sample, read or planned."""

    @property
    def id(self) -> str: ...
    @property
    def data(self) -> str: ...
    @property
    def look(self) -> bool: ...


def phase_of(sample: _OfFile) -> str:
    """What the phase in which a sample is asked is called in the observations."""
    return f"look:{sample.id}" if sample.look else f"quality:{sample.id}"


_Sample = TypeVar("_Sample", bound=_OfFile)


def sample_of(bar: AbsoluteBar | MarginBar, samples: Sequence[_Sample]) -> _Sample:
    """The sample that a bar is judged on. Raises KeyError with the file's name where there is none."""
    for sample in samples:
        if sample.data == bar.data and not sample.look:
            return sample
    raise KeyError(bar.data)
