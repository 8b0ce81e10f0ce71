"""The samples of all groups of types."""

from __future__ import annotations

from . import samples, samples_compute

SAMPLES: dict[str, samples.Sample] = {**samples.SAMPLES, **samples_compute.SAMPLES}
