"""Reads from the charts themselves which images they name, and by which value each comes from a mirror, into `chart_images.json`.

Run by hand for a new version of a chart, since no test can download one:

    python -m tests.components.aws.addons.read_charts FOLDER    # FOLDER/NAME is the chart NAME, as `helm pull --untar` leaves it
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from mlgate_components.aws.addons.plan import merged, nested
from mlgate_components.aws.addons.table import TABLE, Chart
from mlgate_testkit.kubernetes.rendering import find_helm

from .installed import recorded, release

FILE = Path(__file__).with_name("chart_images.json")
_MIRROR = "registry.example/mirror"
_IMAGE = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?:/[a-z0-9._-]+)+(?=[:@]\w)|(?<=image: )[a-z0-9._/-]+")


def images(folder: Path, name: str, values: Mapping[str, Any]) -> set[str]:
    """What helm makes of the chart names as images, in arguments of controllers and in their settings too; without tags."""
    helm = find_helm()
    if helm is None:
        raise SystemExit("no helm is here: `python -m mlgate_tools cluster` gets it")
    command = [str(helm), "template", name, str(folder), "--namespace", "it", "--values", "-"]
    done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=True)
    objects = [each for each in yaml.safe_load_all(done.stdout) if each and each["kind"] != "CustomResourceDefinition"]
    return {image for each in objects for text in _texts(each) for image in _IMAGE.findall(text)}


def read(name: str, chart: Chart, folder: Path) -> dict[str, Any]:
    """Each image of the add-on's chart, with the path of the value that its registry stands in; "" where the table has none."""
    usual, mirrored = (release(graph, name).get("values", {}) for graph in (recorded(), recorded(mirror=_MIRROR)))
    upstream = images(folder, name, usual)
    if astray := {image for image in images(folder, name, mirrored) if not image.startswith(_MIRROR)}:
        raise SystemExit(f"{name}: {', '.join(sorted(astray))} come from no mirror")
    found = dict.fromkeys(sorted(upstream), "")
    for path, place in chart.images.items():
        for gone in upstream - images(folder, name, merged(usual, nested(path, f"{_MIRROR}/{place}"))):
            found[gone] = path
    return {"chart": chart.name, "version": chart.version, "images": found}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from (f"{key}: {each}",) if isinstance(each, str) else _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def main(folder: Path) -> None:
    """Writes the file."""
    charts = {name: read(name, addon.chart, folder / addon.chart.name) for name, addon in TABLE.items() if addon.chart}
    known = {"read": datetime.now(UTC).date().isoformat(), "charts": charts}
    FILE.write_text(f"{json.dumps(known, indent=2)}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
