"""Writes core/mlgate/accelerators.json anew: what AWS sells with an NVIDIA GPU, and for how much.

    python docs/accelerators.py zz_generated.pricing_aws.go

Instance types are those of the installed moto, which has them from EC2's DescribeInstanceTypes. On-demand prices for us-east-1 are read
from Karpenter's table, of a module that Go downloads:
`go mod download -json github.com/aws/karpenter-provider-aws@v1.14.1`, there `pkg/providers/pricing/zz_generated.pricing_aws.go`.
A type that has no price there gets none here.
"""

from __future__ import annotations

import datetime
import gzip
import hashlib
import json
import re
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "core" / "mlgate" / "accelerators.json"

# EC2's name and its memory in MiB, to ours: "A100" alone is two.
NAMES = {
    ("A100", 40960): "a100-40g",
    ("A100", 81920): "a100-80g",
    ("A10G", 22888): "a10g",
    ("B200", 183359): "b200",
    ("B300", 275040): "b300",
    ("H100", 81920): "h100",
    ("H200", 144384): "h200",
    ("L4", 22888): "l4",
    ("L40S", 45776): "l40s",
    ("RTX PRO 4500", 32768): "rtx-pro-4500",
    ("RTX PRO Server 6000", 98304): "rtx-pro-6000",
    ("T4", 16384): "t4",
    ("T4g", 16384): "t4g",
    ("V100", 32768): "v100",
}
ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}


def table() -> Path:
    """moto's file, found without importing moto."""
    found = find_spec("moto")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "ec2" / "resources" / "instance_types.json.gz"


def instance_types(described: dict[str, Any], prices: dict[str, float]) -> list[dict[str, Any]]:
    """One entry for each type with an NVIDIA GPU, by name."""
    entries = []
    for name, kind in sorted(described.items()):
        gpus = [gpu for gpu in kind.get("GpuInfo", {}).get("Gpus", []) if gpu["Manufacturer"] == "NVIDIA"]
        if gpus:
            assert len(gpus) == 1, f"{name} has two kinds of GPU"
            entries.append(_entry(name, kind, gpus[0], prices.get(name)))
    return entries


def _entry(name: str, kind: dict[str, Any], gpu: dict[str, Any], price: float | None) -> dict[str, Any]:
    # A fraction of a GPU counts as 0 and shows a fraction of its memory: which GPU it is, its whole memory tells.
    share = float(gpu["GpuPartitionSize"])
    whole = NAMES[gpu["Name"], 22888 if share < 1 else gpu["MemoryInfo"]["SizeInMiB"]]
    (architecture,) = kind["ProcessorInfo"]["SupportedArchitectures"]
    return {
        "name": name,
        "accelerator": whole,
        "count": gpu["Count"],
        "share": share,
        "accelerator_memory_mib": gpu["MemoryInfo"]["SizeInMiB"],
        "cpus": kind["VCpuInfo"]["DefaultVCpus"],
        "memory_mib": kind["MemoryInfo"]["SizeInMiB"],
        "architecture": ARCHITECTURES[architecture],
        "efa_interfaces": kind["NetworkInfo"].get("EfaInfo", {}).get("MaximumEfaInterfaces", 0),
        "sold_as": kind["SupportedUsageClasses"],
        "usd_per_hour": price,
    }


def read_prices(path: Path) -> tuple[dict[str, float], str]:
    """On-demand prices of us-east-1 by instance type, and when they were collected."""
    text = path.read_text(encoding="utf-8")
    generated = re.search(r"generated at (\S+) for us-east-1", text)
    assert generated, f"{path} is not Karpenter's table for us-east-1"
    first = text.split('"us-east-1": {', 1)[1].split("\t},\n", 1)[0]
    return {name: float(price) for name, price in re.findall(r'"([a-z0-9.-]+)": ([0-9.]+)', first)}, generated[1]


def main(prices_file: Path) -> None:
    """Write the file."""
    packed = table().read_bytes()
    prices, collected = read_prices(prices_file)
    catalogue = {
        "instance_types_source": f"moto {version('moto')}, ec2/resources/instance_types.json.gz, from EC2 DescribeInstanceTypes",
        "instance_types_sha256": hashlib.sha256(packed).hexdigest(),
        "prices_source": f"github.com/aws/karpenter-provider-aws v1.14.1, on demand in us-east-1, collected {collected}",
        "written": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "instance_types": instance_types(json.loads(gzip.decompress(packed)), prices),
    }
    TARGET.write_text(json.dumps(catalogue, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
