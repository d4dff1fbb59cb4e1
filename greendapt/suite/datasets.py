"""Datasets as a suite names them, and the `Table` that everything in a suite is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

Split = Literal["train", "val", "test"]
PATH_KEYS = ("path", "images", "csv", "metadata")
"""Keys under which a dataset says where it lies."""


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PhantomData(Table):
    """Synthetic chest X-rays: projected ellipsoids from one of two simulated hospitals."""

    source: Literal["phantom"]
    hospital: Literal["a", "b"] = "a"
    images: PositiveInt = 600
    task: Literal["diagnosis", "findings"] = "diagnosis"
    seed: NonNegativeInt = 0


class FractalData(Table):
    """Synthetic images of iterated function systems, one system a class."""

    source: Literal["fractal"]
    classes: Annotated[int, Field(ge=2)] = 32
    images: PositiveInt = 1600
    seed: NonNegativeInt = 0


class FolderData(Table):
    """A folder with ``labels.csv``, or one sub-folder a class (ImageFolder)."""

    source: Literal["folder"]
    path: Path
    label: str | None = None
    """A column, several joined by commas, or ``*`` for every finding column."""
    split: Split | None = None


class XrayVisionData(Table):
    """A dataset class of torchxrayvision, by name (install the ``xrv`` extra)."""

    source: Literal["torchxrayvision"]
    dataset: str
    images: Path
    """A folder; the archive, for classes that read one."""
    csv: Path | None = None
    metadata: Path | None = None
    """A second table, where the class has one (MIMIC-CXR, RSNA, Open-i)."""
    views: tuple[str, ...] = ("PA", "AP")
    """As the class names them; ``*`` takes every view."""
    findings: tuple[str, ...] = ()


class StatedData(Table):
    """A dataset of which only the size is known: enough for a plan, not for a run."""

    source: Literal["stated"]
    images: Annotated[int, Field(ge=10)]
    classes: Annotated[int, Field(ge=2)] = 2
    task: Literal["multiclass", "multilabel"] = "multiclass"


Source = Annotated[
    PhantomData | FractalData | FolderData | XrayVisionData, Field(discriminator="source")
]


class MergedData(Table):
    """Several sources as one: their labels harmonised, their patients apart, their splits kept."""

    source: Literal["merged"]
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    labels: Literal["intersection", "union"] = "intersection"
    """union: a label that a source does not know is missing (NaN) for its images."""
    uncertain: Literal["mask", "zero", "one"] = "mask"
    """What -1 becomes: missing, no, or yes."""
    no_finding: Literal["zeros", "label", "drop"] = "zeros"
    """zeros: "No Finding" says no to every other label of its source; label: it is a label like the
    others; drop: it says nothing."""
    views: tuple[str, ...] = ()
    """Views to keep (none: all), such as PA, frontal, lateral, unknown."""
    fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of each source's patients; a smaller one lies inside a larger one."""
    seed: NonNegativeInt = 0
    """Draws those patients."""


Dataset = Annotated[
    PhantomData | FractalData | FolderData | XrayVisionData | MergedData | StatedData,
    Field(discriminator="source"),
]


class Pool(Table):
    """DAPT data of one domain at one scale; strategies choose it by name."""

    data: Dataset
    domain: str = ""
    """Pools of one domain are one line in the report's law of error against data and compute."""


class Target(Table):
    """Another downstream task; transfers choose it by name."""

    development: Dataset
    external: dict[str, Dataset] = {}


class Data(Table):
    """The DAPT data, the downstream data, and the same task from other sources."""

    pool: Dataset
    development: Dataset
    external: dict[str, Dataset] = {}
    pools: dict[str, Pool] = {}
    targets: dict[str, Target] = {}
    aliases: dict[str, tuple[str, ...]] = {}
    """Canonical label -> the names other sources use for it."""
    pool_validation: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    """Fraction of the pool's patients kept to choose the best epoch of a phase."""
    allow_leaks: bool = False
    """Go on where what is judged was trained on; the verdict says so."""
