"""Datasets as a suite names them, and the `Table` that everything in a suite is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

Split = Literal["train", "val", "test"]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Images = Annotated[int, Field(gt=0, le=10_000_000)]
Classes = Annotated[int, Field(ge=2, le=10_000)]
PATH_KEYS = ("path", "images", "csv", "metadata")
"""Keys under which a dataset says where it lies."""


def _one_kind(values: dict[str, int]) -> dict[str, int]:
    colours = [key for key in values if key.startswith("#")]
    if colours and len(colours) < len(values):
        raise ValueError("either values, such as 128, or colours, such as #ff0000, not both")
    return values


MaskValues = Annotated[
    dict[
        Annotated[str, Field(pattern=r"^(\d{1,5}|#[0-9a-fA-F]{6})$")],
        Annotated[int, Field(ge=0, lt=255)],
    ],
    Field(min_length=2),
    AfterValidator(_one_kind),
]


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PhantomData(Table):
    """Synthetic chest X-rays: projected ellipsoids from one of two simulated hospitals."""

    source: Literal["phantom"]
    hospital: Literal["a", "b"] = "a"
    images: Images = 600
    task: Literal["diagnosis", "findings"] = "diagnosis"
    severity: Annotated[float, Field(gt=0, lt=1)] = 4 / 7
    """Of findings, on average: 0 is barely there, 1 is gross."""
    seed: Seed = 0


class FractalData(Table):
    """Synthetic images of iterated function systems, one system a class."""

    source: Literal["fractal"]
    classes: Classes = 32
    images: Images = 1600
    seed: Seed = 0


class FolderData(Table):
    """A folder with a table of images, or one sub-folder a class (ImageFolder).

    What follows ``split`` says how its table is laid out, where greendapt cannot see it; ``preset``
    takes that from a published dataset.
    """

    source: Literal["folder"]
    path: Path
    label: str | None = None
    """A column, several joined by commas, or ``*`` for every finding column."""
    split: Split | None = None
    preset: str | None = None
    """A published dataset, such as nih; ``none``: look for none."""
    table: str | None = None
    """The file of the table, where it is not labels.csv; ``none``: sub-folders are the classes."""
    image: str | None = None
    """The column of the images: paths, file names, or names without a suffix."""
    prefix: str = ""
    suffix: str = ""
    """What stands before and after a cell of that column in the image's path."""
    root: str | None = None
    """Where those paths begin, if not in the folder; from the folder, or absolute."""
    delimiter: str | None = None
    """Between the labels of one cell; ``none``: a cell is one label, whatever is in it."""
    one_hot: bool | None = None
    """Whether columns of 0 and 1 are one class of several (True) or findings (False)."""
    patient: str | None = None
    """The column of the patients; ``path``: their ids are in the paths; ``none``: nobody knows."""
    view: str | None = None
    split_column: str | None = None
    split_file: str | None = None
    """A file that lists the images of the test part, one a line; all others train."""
    rows_per_image: Literal["any", "majority"] | None = None
    """How several rows of one image become one: findings in any of them, or in most; the label that
    most of them have."""
    missing: Literal["drop"] | None = None
    """Rows without a label, or without their image, are left out instead of refused."""
    mask_values: MaskValues | None = None
    """Which class each value or colour of the masks is, such as ``{ "0" = 0, "128" = 1 }`` or
    ``{ "#000000" = 0, "#ff0000" = 1 }``; for what is not 0 and 1, 0 and 255, or 0 to K."""

    @model_validator(mode="before")
    @classmethod
    def _split_is_a_column(cls, given: Any) -> Any:
        """``split = "fold"`` names a column, ``split = "test"`` picks that part."""
        if isinstance(given, dict) and given.get("split") not in (None, *get_args(Split)):
            given = {key: value for key, value in given.items() if key != "split"} | {
                "split_column": given["split"]
            }
        return given


MAPPING = frozenset(FolderData.model_fields) - {"source", "path", "mask_values"}
"""What ``DIR?key=value`` can say."""


class NpzData(Table):
    """A file of MedMNIST (``pneumoniamnist_224.npz``): images, labels and splits as published."""

    source: Literal["npz"]
    path: Path
    split: Split | None = None
    classes: tuple[str, ...] = ()
    """What its classes or findings are called, in order; else their numbers."""


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


class OwnData(Table):
    """What a function of the suite's own code gives."""

    source: Literal["own"]
    name: str
    """Of ``[own.NAME]``, of the kind ``dataset``."""
    split: Split | None = None


class StatedData(Table):
    """A dataset of which only the size is known: enough for a plan, not for a run."""

    source: Literal["stated"]
    images: Annotated[Images, Field(ge=10)]
    classes: Classes = 2
    task: Literal["multiclass", "multilabel"] = "multiclass"


Source = Annotated[
    PhantomData | FractalData | FolderData | NpzData | XrayVisionData | OwnData,
    Field(discriminator="source"),
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
    seed: Seed = 0
    """Draws those patients."""


Dataset = Annotated[
    PhantomData
    | FractalData
    | FolderData
    | NpzData
    | XrayVisionData
    | OwnData
    | MergedData
    | StatedData,
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

    def tables(self) -> Iterator[tuple[str, Dataset]]:
        """Every dataset and source of one, by its key."""
        named: dict[str, Dataset] = {"pool": self.pool}
        named |= {f"pools.{name}.data": pool.data for name, pool in self.pools.items()}
        own = Target(development=self.development, external=self.external)
        tasks = {"": own} | {f"targets.{name}.": task for name, task in self.targets.items()}
        for start, task in tasks.items():
            named[f"{start}development"] = task.development
            named |= {f"{start}external.{name}": one for name, one in task.external.items()}
        for key, spec in named.items():
            yield f"data.{key}", spec
            for source in spec.sources if isinstance(spec, MergedData) else ():
                yield f"data.{key}.sources", source
