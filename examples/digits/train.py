"""Trains the releases of the digits example and lays each out for `mlgate pack`.

    python train.py --release 2 --output models/2

The 1797 UCI digits that ship in scikit-learn are split once and for good: 747 to train on, 150 to look at, 900 held out. Everything is
seeded and runs on one thread, so the same versions give the same weights.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from mlgate.digests import digest_bytes

HERE = Path(__file__).resolve().parent
SEED = 7
TRAIN, LOOK, HOLDOUT = 747, 150, 900
BATCH, LEARNING_RATE = 32, 5e-3


@dataclass(frozen=True)
class Recipe:
    """What differs between the releases. `mislabelled`: the share of 3s and of 9s that the labelling job took for the other."""

    epochs: int
    mislabelled: float = 0.0
    slow: bool = False


RECIPES = {
    1: Recipe(epochs=20),
    2: Recipe(epochs=40),
    3: Recipe(epochs=40, mislabelled=0.48),
    4: Recipe(epochs=40, slow=True),
}


@dataclass(frozen=True)
class Cases:
    """Digits with the row they have in scikit-learn's set: ids [n], images [n, 8, 8] from 0 to 16, labels [n]."""

    ids: NDArray[np.int64]
    images: NDArray[np.float32]
    labels: NDArray[np.int64]


def split() -> tuple[Cases, Cases, Cases]:
    """The cases to train on, to look at, and held out."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(SEED).permutation(len(digits.target))
    parts = np.split(order[: TRAIN + LOOK + HOLDOUT], [TRAIN, TRAIN + LOOK])
    train, look, holdout = (Cases(part, digits.images[part].astype(np.float32), digits.target[part].astype(np.int64)) for part in parts)
    return train, look, holdout


def write_data(folder: Path) -> None:
    """Writes `holdout.parquet` and `look.parquet`: case_id, image as nested lists, label, and digit, the slice that is reported."""
    _, look, holdout = split()
    folder.mkdir(parents=True, exist_ok=True)
    for name, cases in (("look", look), ("holdout", holdout)):
        table = pa.table(
            {
                "case_id": [f"digit-{row:04d}" for row in cases.ids],
                "image": pa.array(cases.images.tolist(), pa.list_(pa.list_(pa.float32()))),
                "label": cases.labels,
                "digit": cases.labels,
            }
        )
        partial = folder / f".{name}.parquet"
        pq.write_table(table, partial)
        partial.replace(folder / f"{name}.parquet")


def labels_of(cases: Cases, recipe: Recipe) -> NDArray[np.int64]:
    """The labels that a release is trained on."""
    labels = cases.labels.copy()
    for digit, other in ((3, 9), (9, 3)):
        rows = np.flatnonzero(cases.labels == digit)
        labels[rows[: round(len(rows) * recipe.mislabelled)]] = other
    return labels


def train(recipe: Recipe, progress: Callable[[str], None] = lambda line: None) -> dict[str, torch.Tensor]:
    """The state dict of a model trained by `recipe`."""
    cases, _, _ = split()
    from model import Model

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in another order would give other weights
    torch.manual_seed(SEED)
    images, labels = torch.from_numpy(cases.images), torch.from_numpy(labels_of(cases, recipe))
    network = Model()
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    # Ends with small steps, so that another processor's rounding gives other weights but hardly another accuracy.
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs)
    for epoch in range(recipe.epochs):
        for rows in torch.randperm(len(labels)).split(BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network.logits(images[rows]), labels[rows]).backward()
            optimizer.step()
        schedule.step()
        if (epoch + 1) % 10 == 0:
            progress(f"epoch {epoch + 1} of {recipe.epochs}")
    torch.set_num_threads(threads)
    return network.eval().state_dict()


def write_model(release: int, folder: Path, progress: Callable[[str], None] = lambda line: None) -> None:
    """Trains release 1, 2, 3 or 4 and lays it out in `folder`."""
    recipe = RECIPES[release]
    folder.mkdir(parents=True, exist_ok=True)
    cases, _, _ = split()
    save_file(train(recipe, progress), folder / "weights.safetensors")
    shutil.copyfile(HERE / "model.py", folder / "model.py")
    (folder / "handler.py").unlink(missing_ok=True)  # of another release that was laid out here before
    if recipe.slow:
        shutil.copyfile(HERE / "slow_handler.py", folder / "handler.py")
    lineage = {
        "seed": SEED,
        "hyperparameters": {"epochs": recipe.epochs, "batch": BATCH, "learning_rate": LEARNING_RATE},
        "command": f"python examples/digits/train.py --release {release} --output DIR",
        "training_data": {"digits": digest_bytes(cases.images.tobytes() + labels_of(cases, recipe).tobytes())},
    }
    (folder / "training.json").write_text(json.dumps(lineage, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Train a release of the digits example.")
    parser.add_argument("--release", type=int, choices=sorted(RECIPES), required=True)
    parser.add_argument("--output", type=Path, required=True, help="the model directory to write, for `mlgate pack`")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="where the hold-out and the cases to look at go")
    arguments = parser.parse_args()
    write_data(arguments.data)
    write_model(arguments.release, arguments.output, _say)
    print(f"release {arguments.release} lies in {arguments.output}", file=sys.stderr)


def _say(line: str) -> None:
    if sys.stderr.isatty():
        print(line, end="\r", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
