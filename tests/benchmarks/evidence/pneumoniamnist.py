"""Files in MedMNIST's layout from the images that PneumoniaMNIST was made of (Kermany et al. 2018).

    python tests/benchmarks/evidence/pneumoniamnist.py KERMANY_FOLDER OUT SIZE...

KERMANY_FOLDER holds a labels.csv with the columns image, label, split and patient_id. As MedMNIST
has it (Yang et al. 2023): the centre square of each image by its short edge, grey; the published
test images; the others 9:1 for training and validation, here by patient.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLASSES = ("normal", "pneumonia")
VALIDATION = 0.1
Row = dict[str, str]


def parts(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by part. No patient is in two; which ones validate is drawn once, by seed 0."""
    kept = [row for row in rows if row["split"] != "test"]
    patients = sorted({row["patient_id"] for row in kept})
    np.random.default_rng(0).shuffle(patients)
    validating = set(patients[: round(VALIDATION * len(patients))])
    return {
        "train": [row for row in kept if row["patient_id"] not in validating],
        "val": [row for row in kept if row["patient_id"] in validating],
        "test": [row for row in rows if row["split"] == "test"],
    }


def square(path: Path, size: int) -> NDArray[np.uint8]:
    """The centre square as uint8 [size, size]."""
    with Image.open(path) as image:
        grey = image.convert("L")
    edge = min(grey.size)
    left, top = ((side - edge) // 2 for side in grey.size)
    crop = grey.crop((left, top, left + edge, top + edge))
    return np.asarray(crop.resize((size, size), Image.Resampling.BICUBIC))


def write(folder: Path, out: Path, sizes: Sequence[int]) -> list[Path]:
    """``pneumoniamnist_SIZE.npz`` in ``out`` for each size, unless it is there."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        by_part = parts(list(csv.DictReader(file)))
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / f"pneumoniamnist_{size}.npz" for size in sizes]
    for path, size in zip(paths, sizes, strict=True):
        if path.exists():
            continue
        arrays = {}
        for part, rows in by_part.items():
            arrays[f"{part}_images"] = np.stack([square(folder / r["image"], size) for r in rows])
            arrays[f"{part}_labels"] = np.array([[CLASSES.index(r["label"])] for r in rows])
        np.savez_compressed(path, **arrays)
    return paths


if __name__ == "__main__":
    for made in write(Path(sys.argv[1]), Path(sys.argv[2]), list(map(int, sys.argv[3:]))):
        print(made)
