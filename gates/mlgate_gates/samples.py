"""The data a gate sends: each declared file once, with the arms that answer it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from mlgate.errors import DeclarationError, Problem
from mlgate.service import AbsoluteBar, MarginBar, Service
from mlgate_loadtests.cases import Cases, read_cases


@dataclass(frozen=True, slots=True)
class Sample:
    """The cases of one file. `look` marks cases that never gate: people look at the wrong ones."""

    id: str
    data: str
    cases: Cases
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
            "distinct": len(set(self.cases.contents)),
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
            cases = read_cases(path, service.interface, slices=tuple(sorted(file.slices)))
        except DeclarationError as error:
            problems += error.problems
        else:
            samples.append(Sample(_id_of(data, samples), data, cases, tuple(sorted(file.arms)), file.look))
    if problems:
        raise DeclarationError(problems)
    return tuple(samples)


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
