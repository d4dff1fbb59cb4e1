"""Small dataset folders made on the spot."""

from __future__ import annotations

import builtins
import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Row = dict[str, object]
Maker = Callable[[Sequence[Row]], Path]


def picture(seed: int, size: int = 24) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (size, size), dtype=np.uint8)
    return Image.fromarray(values)


@pytest.fixture
def folder(tmp_path: Path) -> Maker:
    """Writes labels.csv from rows, and a random PNG for every image that is not there yet."""

    def make(rows: Sequence[Row]) -> Path:
        root = tmp_path / "data"
        root.mkdir(exist_ok=True)
        with (root / "labels.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        for n, row in enumerate(rows):
            target = root / str(row["image"])
            inside = target.resolve().is_relative_to(root.resolve())
            if row["image"] and inside and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                picture(n).save(target)
        return root

    return make


@pytest.fixture
def rows() -> list[Row]:
    """Twelve images of two classes, twelve patients."""
    return [
        {"image": f"{i:02d}.png", "label": "Normal" if i % 2 else "Pneumonia"} for i in range(12)
    ]


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """``not_installed("pydicom")``: from now on its import fails."""
    real = builtins.__import__

    def leave_out(package: str) -> None:
        def without(name: str, *rest: object) -> object:
            if name.startswith(package):
                raise ImportError(name)
            return real(name, *rest)

        monkeypatch.setattr(builtins, "__import__", without)

    return leave_out
