"""Writes core/mlgate/accelerators.json anew: what AWS sells with an NVIDIA GPU, where, by which quota, and for how much.

    python docs/accelerators.py zz_generated.pricing_aws.go

Instance types, and in how many zones of a region each is offered, are those of the installed moto, which has them from EC2's
DescribeInstanceTypes and DescribeInstanceTypeOfferings. On-demand prices for us-east-1 are read from Karpenter's table, of a module that
Go downloads: `go mod download -json github.com/aws/karpenter-provider-aws@v1.14.1`, there
`pkg/providers/pricing/zz_generated.pricing_aws.go`. A type that has no price there gets none here. MIG profiles and quota codes are
written down below, with their sources.
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

# How many of a MIG profile a GPU is cut into, those of plain memory and compute alone.
MIG_SOURCE = (
    "NVIDIA mig-parted at bd7160f43f16 (2026-08-21), deployments/systemd/config-default.yaml; NVIDIA MIG user guide, supported profiles"
)
_80_GB = {"1g.10gb": 7, "1g.20gb": 4, "2g.20gb": 3, "3g.40gb": 2, "4g.40gb": 1, "7g.80gb": 1}
MIG = {
    "a100-40g": {"1g.5gb": 7, "1g.10gb": 4, "2g.10gb": 3, "3g.20gb": 2, "4g.20gb": 1, "7g.40gb": 1},
    "a100-80g": _80_GB,
    "b200": {"1g.23gb": 7, "1g.45gb": 4, "2g.45gb": 3, "3g.90gb": 2, "4g.90gb": 1, "7g.180gb": 1},
    "b300": {"1g.34gb": 7, "1g.67gb": 4, "2g.67gb": 3, "3g.135gb": 2, "4g.135gb": 1, "7g.269gb": 1},
    "h100": _80_GB,
    "h200": {"1g.18gb": 7, "1g.35gb": 4, "2g.35gb": 3, "3g.71gb": 2, "4g.71gb": 1, "7g.141gb": 1},
    "rtx-pro-6000": {"1g.24gb": 4, "2g.48gb": 2, "4g.96gb": 1},
}

# EC2 counts vCPUs by the letter of a family, of P on spot by its generation too. None: no page that we could read names the quota.
QUOTAS_SOURCE = "AWS General Reference, Amazon EC2 endpoints and quotas, a stored copy read 2026-11-27"
QUOTAS: dict[str, dict[str, str | None]] = {
    "g": {"on-demand": "L-DB2E81BA", "spot": "L-3819A6DF"},
    "p3": {"on-demand": "L-417A185B", "spot": "L-7212CCBC"},
    "p4": {"on-demand": "L-417A185B", "spot": "L-7212CCBC"},
    "p5": {"on-demand": "L-417A185B", "spot": "L-C4BD4855"},
    "p6": {"on-demand": "L-417A185B", "spot": None},
}


def resources() -> Path:
    """moto's folder of EC2's tables, found without importing moto."""
    found = find_spec("moto")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "ec2" / "resources"


def table() -> Path:
    """moto's file of instance types."""
    return resources() / "instance_types.json.gz"


def offers() -> dict[str, Path]:
    """moto's file of offers by zone, for each region that it knows."""
    folder = resources() / "instance_type_offerings" / "availability-zone-id"
    return {path.name.split(".")[0]: path for path in sorted(folder.iterdir())}


def offered(names: set[str]) -> dict[str, dict[str, int]]:
    """In how many zones of each region a type is offered. How many, and not which: an account has names of its own for its zones."""
    found: dict[str, dict[str, set[str]]] = {name: {} for name in sorted(names)}
    for region, path in offers().items():
        for offer in json.loads(gzip.decompress(path.read_bytes())):
            if offer["InstanceType"] in names:
                found[offer["InstanceType"]].setdefault(region, set()).add(offer["Location"])
    return {name: {region: len(zones) for region, zones in regions.items()} for name, regions in found.items()}


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
    entries = instance_types(json.loads(gzip.decompress(packed)), prices)
    catalogue = {
        "instance_types_source": f"moto {version('moto')}, ec2/resources/instance_types.json.gz, from EC2 DescribeInstanceTypes",
        "instance_types_sha256": hashlib.sha256(packed).hexdigest(),
        "prices_source": f"github.com/aws/karpenter-provider-aws v1.14.1, on demand in us-east-1, collected {collected}",
        "written": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "instance_types": entries,
        "offered_source": f"moto {version('moto')}, ec2/resources/instance_type_offerings, from EC2 DescribeInstanceTypeOfferings",
        "regions": list(offers()),
        "offered": offered({entry["name"] for entry in entries}),
        "mig_source": MIG_SOURCE,
        "mig": MIG,
        "quotas_source": QUOTAS_SOURCE,
        "quotas": QUOTAS,
    }
    TARGET.write_text(json.dumps(catalogue, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
