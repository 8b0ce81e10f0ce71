"""The data a gate sends: each declared file once, with the arms that answer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlgate.digests import digest_file
from mlgate.errors import DeclarationError, Problem
from mlgate.service import AbsoluteBar, MarginBar, Service
from mlgate_loadtests.cases import Cases, read_cases


@dataclass(frozen=True, slots=True)
class Sample:
    """The cases of one file. `look` marks cases that never gate: people look at the wrong ones."""

    id: str
    data: str
    digest: str
    cases: Cases
    arms: tuple[str, ...]
    look: bool

    @property
    def check(self) -> str:
        """The name of its phase in the observations."""
        return f"look:{self.id}" if self.look else f"quality:{self.id}"

    def to_dict(self) -> dict[str, Any]:
        """Its part of the plan."""
        return {
            "id": self.id,
            "data": self.data,
            "digest": self.digest,
            "cases": len(self.cases.case_ids),
            "arms": list(self.arms),
            "look": self.look,
        }


def read_samples(service: Service, *, with_stable: bool = True) -> tuple[Sample, ...]:
    """Every data file that the service declares, in the order of the declaration.

    Raises DeclarationError with all problems of all files at once.
    """
    wanted: dict[str, tuple[set[str], set[str], bool]] = {}  # data -> arms, slices, look
    for bar in service.quality:
        arms, slices, _ = wanted.setdefault(bar.data, (set(), set(), False))
        if isinstance(bar, AbsoluteBar):
            arms.add("candidate")
            slices.update(bar.slices)
            if bar.look_at is not None:
                wanted.setdefault(bar.look_at, ({"candidate"}, set(), True))
        elif with_stable:
            arms |= {"candidate", "stable"}
    samples: list[Sample] = []
    problems: list[Problem] = []
    for data, (arms, slices, look) in wanted.items():
        path = service.data_path(data)
        try:
            cases = read_cases(path, service.interface, slices=tuple(sorted(slices)))
        except DeclarationError as error:
            problems += error.problems
        else:
            samples.append(Sample(_id_of(data, samples), data, digest_file(path), cases, tuple(sorted(arms)), look))
    if problems:
        raise DeclarationError(problems)
    return tuple(samples)


def _id_of(data: str, others: list[Sample]) -> str:
    stem = data.rsplit("/", 1)[-1].split(".", 1)[0]
    taken = {sample.id for sample in others}
    return stem if stem not in taken else f"{stem}-{len(taken) + 1}"


def sample_of(bar: AbsoluteBar | MarginBar, samples: tuple[Sample, ...]) -> Sample:
    """The sample that a bar is judged on."""
    return next(sample for sample in samples if sample.data == bar.data and not sample.look)
