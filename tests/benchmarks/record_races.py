"""Records what races are replayed on: every strategy with every seed, as tables in tests/replay.

    python tests/benchmarks/record_races.py --out RUNS [--real FOLDER] [NAME ...]

Runs suite tests/replay/recorded.toml on each of `RECORDINGS`, into RUNS, where a finished run is
taken as it is. ``--real``: a folder of kermany_cxr, nih_pneumonia and cifar10_subset, each with a
labels.csv. The external set is more of the same patients: what it gives is what a race is to find.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import greendapt
from greendapt.report.view.recorded import recorded
from greendapt.store.race_tables import race_table

REPLAY = Path(__file__).parents[1] / "replay"
TRUTH = "truth"
_DRAWS = 100
SUITE = REPLAY / "recorded.toml"


@dataclass(frozen=True)
class Phantom:
    """Phantoms of so many pool and development images, with findings of that severity."""

    severity: float
    pool: int
    development: int

    @property
    def name(self) -> str:
        return f"phantom {self.severity:g}"

    def data(self, real: Path, made: Path) -> Mapping[str, Any]:
        del real, made
        return {
            "pool": self._images(self.pool, 1),
            "development": self._images(self.development, 2),
            "external": {TRUTH: self._images(600, 3)},
        }

    def _images(self, images: int, seed: int) -> Mapping[str, Any]:
        return {"source": "phantom", "severity": self.severity, "images": images, "seed": seed}


@dataclass(frozen=True)
class Real:
    """So many images of a folder's patients to adapt on, to develop on, and as the truth."""

    pool: tuple[str, int]
    development: tuple[str, int]
    truth: int

    @property
    def name(self) -> str:
        return self.development[0].partition("_")[0]

    def data(self, real: Path, made: Path) -> Mapping[str, Any]:
        """Tables of disjoint patients in ``made``."""
        of, developed = self.development
        first = self.pool[1] if self.pool[0] == of else 0
        return {
            "pool": _part(real / self.pool[0], made / "pool", 0, self.pool[1]),
            "development": _part(real / of, made / "development", first, developed),
            "external": {
                TRUTH: _part(real / of, made / TRUTH, first + developed, self.truth),
            },
        }


def _part(source: Path, made: Path, first: int, count: int) -> Mapping[str, Any]:
    """``count`` images from the ``first`` on, patients in an order of chance and never in two."""
    with (source / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    ids = [row.get("patient_id") or row["image"] for row in rows]
    order = sorted(range(len(rows)), key=lambda k: (hashlib.sha256(ids[k].encode()).digest(), k))

    def until(place: int) -> int:
        """The next place at which a patient begins."""
        while 0 < place < len(order) and ids[order[place]] == ids[order[place - 1]]:
            place += 1
        return min(place, len(order))

    made.mkdir(parents=True, exist_ok=True)
    with (made / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["image", "label", "patient_id"])
        for k in order[until(first) : until(first + count)]:
            table.writerow([rows[k]["image"], rows[k]["label"], ids[k]])
    return {"source": "folder", "path": str(made), "root": str(source.resolve())}


@dataclass(frozen=True)
class Recording:
    data: Phantom | Real
    backbone: str


_KERMANY = Real(("kermany_cxr", 600), ("kermany_cxr", 500), 600)
_NIH = Real(("kermany_cxr", 600), ("nih_pneumonia", 400), 600)
_CIFAR = Real(("cifar10_subset", 1000), ("cifar10_subset", 500), 600)
RECORDINGS = {
    "kermany-resnet": Recording(_KERMANY, "test_resnet"),
    "phantom-resnet": Recording(Phantom(0.95, 800, 500), "test_resnet"),
    "nih-efficientnet": Recording(_NIH, "test_efficientnet"),
    "cifar10-resnet": Recording(_CIFAR, "test_resnet"),
    "kermany-vit": Recording(_KERMANY, "test_vit"),
    "phantom-small-resnet": Recording(Phantom(0.85, 200, 300), "test_resnet"),
    "cifar10-efficientnet": Recording(_CIFAR, "test_efficientnet"),
    "nih-resnet": Recording(_NIH, "test_resnet"),
}


def run_of(name: str, out: Path, real: Path) -> Path:
    """The folder of a finished run of that name."""
    done = sorted((out / name).glob("*/summary.json"))
    if done:
        return done[0].parent
    recording = RECORDINGS[name]
    changes = {
        "data": recording.data.data(real, out / "tables" / name),
        "model.backbones": [recording.backbone],
    }
    suite = greendapt.load_suite(SUITE, changes=changes)
    return greendapt.run(suite, out=out / name, go_on=True).path


def write_table(name: str, run: Path) -> Path:
    questions = recorded(greendapt.read_run(run).data, RECORDINGS[name].data.name, TRUTH)
    path = REPLAY / f"{name}.csv"
    path.write_text(race_table(questions, _DRAWS), encoding="utf-8")
    return path


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--real", type=Path, default=Path())
    asked.add_argument("names", nargs="*", default=[*RECORDINGS])
    given = asked.parse_args()
    for name in given.names:
        print(write_table(name, run_of(name, given.out, given.real)))


if __name__ == "__main__":
    main()
