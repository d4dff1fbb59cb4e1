"""Runs for the report to read: realistic, invented figures, built through the models."""

import json
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

from greendapt.core.figures import Figure, Quality
from greendapt.core.packed import pack
from greendapt.core.records import EvaluateDetails, Failure, Record, Row, Summary
from greendapt.report.report_files import load_run
from greendapt.report.view.from_run import view
from greendapt.suite.models import Suite

# strategy: (development AUC without seeds' noise, gain outside, adaptation energy in kJ)
LEVELS = {
    "none": (0.812, 0.0, 0.0),
    "full": (0.921, 0.05, 46.0),
    "partial1": (0.893, 0.03, 9.1),
    "partial2": (0.917, 0.04, 14.2),
    "hybrid1": (0.918, 0.05, 33.0),
    "hybrid2": (0.926, 0.05, 37.0),
    "cut2": (0.861, 0.02, 6.4),
    "cut3": (0.884, 0.04, 11.8),
    "cut2-none": (0.782, -0.02, 0.0),
}
PHASES = {
    "none": {},
    "full": {"phases": ["head", "all"]},
    "partial1": {"phases": ["head", "last1"]},
    "partial2": {"phases": ["head", "last2"]},
    "hybrid1": {"base": "partial1", "phases": ["all"]},
    "hybrid2": {"base": "partial2", "phases": ["all"]},
    "cut2": {"cut": 2, "phases": ["head", "all"]},
    "cut3": {"cut": 3, "phases": ["head", "all"]},
    "cut2-none": {"cut": 2},
}
KINDS = {
    "sunk": "pretrain", "adaptation": "adapt", "transfer": "probe", "evaluation": "evaluate"
}  # fmt: skip
GRID = 481.0  # g/kWh


class RunWriter:
    """Writes a run folder; each attribute is something a run can be."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.strategies = list(LEVELS)
        self.levels = dict(LEVELS)
        self.backbones = ["resnet18"]
        self.seeds = 3
        self.seeds_asked = 3
        self.shots = ["full"]
        self.transfers = ["probe"]
        self.external = {"hospital_b": 0.71}
        self.noise = 0.004
        self.synthetic = True
        self.quality = Quality.ESTIMATED
        self.flagged = True
        self.failures = []
        self.notes = []
        self.title = "Chest X-rays: which way of adapting is worth its carbon?"
        self.pools = {}  # strategy: the images of a pool of its own
        self.chains = False
        self.severities = [3]
        self.grid = GRID
        self.margin = 0.02
        self.by_sex = {}  # strategy: AUC of women and of men, in a run that has it
        self.auprc = {}  # strategy: what it reached, in a run that has it
        self.patients = 0.0  # standard error over patients; 0: the run did not keep it
        self.random = np.random.default_rng(7)

    def figure(self, value, unit):
        if unit in ("J", "g") and self.quality is Quality.UNAVAILABLE:
            return Figure.unavailable(unit, "no counter is readable and no estimate was asked for")
        quality = self.quality if unit in ("J", "g") else Quality.MEASURED
        return Figure(value=value, unit=unit, quality=quality, source="invented for a test")

    def costs(self, energy_j):
        return {
            "wall_s": self.figure(energy_j / 38.0, "s"),
            "energy_j": self.figure(energy_j, "J"),
            "carbon_g": self.figure(energy_j / 3.6e6 * self.grid, "g"),
            "training_flops": self.figure(energy_j * 4.1e9, "FLOP"),
            "peak_memory_bytes": self.figure(1.4e9 + energy_j * 3e3, "byte"),
        }

    def row(self, strategy, backbone, seed, transfer, shots):
        auc, carried, adaptation_kj = self.levels[strategy]
        few = 0.0 if shots == "full" else 0.6 / shots**0.5
        shared = self.random.normal(0, self.noise)  # what a seed does to all strategies
        auc = auc - few * (1 - auc) + shared * 0 + self.random.normal(0, self.noise)
        scores = {"auc": auc, "patients": 150}
        scores |= {"balanced_accuracy": auc - 0.14, "ece": 0.21 - auc / 10}
        scores |= {"auprc": self.auprc[strategy]} if self.auprc else {}
        if self.by_sex:
            of_both = dict(zip(("female", "male"), self.by_sex[strategy], strict=True))
            scores |= {"auc_by_sex": of_both, "patients_by_sex": {"female": 80.0, "male": 70.0}}
        external = {
            name: {"auc": base + carried + self.random.normal(0, 3 * self.noise)}
            for name, base in self.external.items()
        }
        corrupted = auc - 0.06 + self.random.normal(0, self.noise)
        kj = 1e3 * (1 + 0.02 * self.random.random())
        parts = {"transfer": self.costs(1.3 * kj)}
        if adaptation_kj:
            parts["adaptation"] = self.costs(adaptation_kj * kj)
        return Row(
            strategy=strategy,
            backbone=backbone,
            seed=seed,
            transfer=transfer,
            shots=shots,
            metrics={
                "development": scores,
                "external": external,
                "corrupted": {
                    "auc": corrupted,
                    "by": {f"noise:{s}": {"auc": corrupted - 0.02 * s} for s in self.severities},
                },
            },
            stages=[*self.stages(strategy, seed), *self.judged(strategy, seed)],
            parts=parts,
            **self.costs((1.3 + adaptation_kj) * kj),
        )

    def stages(self, strategy, seed):
        """Keys of the adaptation stages of a chain, where `chains` asks for them."""
        phases = self.suite().phases(strategy) if self.chains else ()
        return [f"{strategy} {number} {seed}" for number, _ in enumerate(phases)]

    def judged(self, strategy, seed):
        """Keys of the verdicts that keep how patients vary, where `patients` asks for them."""
        return [f"judged {strategy} {seed}"] if self.patients else []

    def verdicts(self, strategy, seed):
        """The records behind `judged`: the same patients for all, most of their errors shared."""
        mine = crc32(f"{strategy} {seed}".encode())
        shared, own = (np.random.default_rng(one).normal(size=300) for one in (0, mine))
        drawn = 0.8 + self.patients * (0.95 * shared + 0.31 * own)
        for key in self.judged(strategy, seed):
            record = self.record(key, "evaluation", key, 4e2, seed=seed)
            of_both = zip(("female", "male"), self.by_sex.get(strategy, ()), strict=False)
            by_sex = {
                f"auc_by_sex:{sex}": pack(score + (drawn - 0.8) * way)
                for (sex, score), way in zip(of_both, (1, -1), strict=False)
            }
            packed = {"development": {"auc": pack(drawn), **by_sex}}
            yield record.model_copy(update={"details": EvaluateDetails(draws=packed)})

    def epochs(self, strategy, seed):
        """The records behind `stages`: three epochs each, the loss halved by every one."""
        for number, key in enumerate(self.stages(strategy, seed)):
            losses = [0.8 / 2**number / 2**epoch for epoch in range(3)]
            yield self.record(
                key, "adaptation", f"{strategy} phase {number}", 9e3, losses, seed=seed
            )

    def record(self, key, role, title, energy, losses=(), seed=None):
        figures = self.costs(energy)
        figures["energy_cpu_j"] = figures["energy_j"]
        figures["energy_gpu_j"] = Figure.unavailable("J", "no GPU")
        details = {"val_loss": list(losses)} if losses else {}
        return Record(
            key=key,
            kind={"adaptation": "adapt", "sunk": "pretrain", "transfer": "probe"}.get(
                role, "evaluate"
            ),
            role=role,
            title=title,
            seed=seed,
            started_at="2026-11-20T10:00:00Z",
            figures=figures,
            details=details,
        )

    def suite(self):
        phase = {"epochs": 3, "learning_rate": 1e-4}
        return Suite(
            schema=1,
            name="chestxray",
            title=self.title,
            about="Invented figures, for tests only.",
            verdict={"margin": self.margin},
            run={
                "strategies": self.strategies,
                "transfers": self.transfers,
                "shots": self.shots,
                "seeds": self.seeds_asked,
            },
            model={"backbones": self.backbones, "image_size": 96},
            data={
                "pool": {"source": "phantom"},
                "development": {"source": "phantom"},
                "pools": {
                    name: {"domain": "chest", "data": {"source": "phantom"}} for name in self.pools
                },
            },
            phase={
                "head": {"train": "head", **phase},
                "all": {"train": "all", **phase},
                "last1": {"train": "last:1", **phase},
                "last2": {"train": "last:2", **phase},
            },
            strategy={
                name: {"pool": name, "phases": ["all"]}
                if name in self.pools
                else PHASES.get(name, {})
                for name in self.strategies
            },
            transfer={n: {"kind": "probe", **phase} for n in self.transfers},
        )

    def records(self):
        roles = {"sunk": [21e3], "adaptation": [9e3, 14e3, 46e3], "transfer": [1.3e3] * 9}
        for role, energies in {**roles, "evaluation": [4e2] * 9}.items():
            for index, energy in enumerate(energies):
                yield self.record(f"{role}{index}", role, f"{role} {index}", energy)
        for strategy in self.strategies:
            for seed in range(self.seeds):
                yield from self.epochs(strategy, seed)
                yield from self.verdicts(strategy, seed)

    def summary(self):
        failed = {(f["strategy"], f["seed"]) for f in self.failures}
        return Summary(
            synthetic=self.synthetic,
            suite="chestxray",
            profile="default",
            rows=[
                self.row(strategy, backbone, seed, transfer, shots)
                for strategy in self.strategies
                for backbone in self.backbones
                for seed in range(self.seeds)
                for transfer in self.transfers
                for shots in self.shots
                if (strategy, seed) not in failed
            ],
            failures=[Failure(backbone=self.backbones[0], **f) for f in self.failures],
            sunk=self.costs(21e3),
            spent=self.costs(108e3),
        )

    def info(self):
        about = {"images": 600, "classes": 4, "synthetic": self.synthetic}
        return {
            "schema": 2,
            "suite": self.suite().model_dump(mode="json", by_alias=True),
            "command": "greendapt bench --suite chestxray --seeds 3",
            "version": "0.1.0",
            "started_at": "2026-11-20T10:00:00Z",
            "environment": {
                "python": "3.12.3",
                "torch": "2.9.0",
                "cpu": "a test",
                "ram_bytes": 64e9,
            },
            "fingerprint": "5f2c9e",
            "grid": {
                "intensity_g_per_kwh": self.grid,
                "pue": 1.0,
                "source": "world average 2023",
                "flagged": self.flagged,
            },
            "data": {
                "pool": {"name": "phantom a", **about},
                "development": {"name": "phantom a", **about, "train": 360, "val": 90, "test": 150},
                "external": {name: {"name": name, **about} for name in self.external},
                "pools": {
                    name: {"name": name, **about, "images": images}
                    for name, images in self.pools.items()
                },
            },
            "notes": self.notes,
        }

    def write(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "run.json").write_text(json.dumps(self.info()))
        lines = [record.model_dump_json(by_alias=True) for record in self.records()]
        (self.folder / "records.jsonl").write_text("\n".join(lines) + "\n")
        summary = self.summary().model_dump_json(by_alias=True)
        (self.folder / "summary.json").write_text(summary)
        return self.folder


HOSTILE = ["<script>alert(1)</script>", "](javascript:x)", "[red]=cmd|' /C calc'!A0", "a\u202eb"]


@pytest.fixture
def written(run_writer):
    """A run, changed as asked, as it is read."""

    def build(**changes):
        for name, value in changes.items():
            setattr(run_writer, name, value)
        return load_run(run_writer.write())

    return build


@pytest.fixture
def seen(written):
    """The view of it."""
    return lambda **changes: view(written(**changes))


@pytest.fixture
def hostile(seen, run_writer):
    """The view of a run that is called names a page, a sheet or a shell might act on."""
    names = HOSTILE[:3]
    levels = dict(zip(names, run_writer.levels.values(), strict=False))
    failure = {"strategy": names[1], "seed": 1, "transfer": "probe", "shots": "full"}
    return seen(
        levels=levels,
        strategies=names,
        external=dict.fromkeys(HOSTILE, 0.7),
        title="<img src=x onerror=alert(1)>",
        notes=["<b>bold</b> & | `tick`"],
        failures=[{**failure, "stage": "<i>", "error": "</ul><script>"}],
    )


@pytest.fixture(scope="session")
def usual_view(tmp_path_factory):
    """The view of a run with chains of stages, made once."""
    writer = RunWriter(tmp_path_factory.mktemp("usual") / "run")
    writer.chains = True
    return view(load_run(writer.write()))


@pytest.fixture
def run_writer(tmp_path):
    return RunWriter(tmp_path / "run")
