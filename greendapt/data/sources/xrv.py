"""Datasets of torchxrayvision, by class name (Cohen et al., MIDL 2022). Needs the ``xrv`` extra."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from greendapt.core.errors import DataError
from greendapt.data.imageset import ImageSet, Ints, codes, content_hash
from greendapt.data.labels import (
    NO_FINDING,
    Names,
    Part,
    differing,
    merge_columns,
    no_targets,
    plain,
)
from greendapt.data.sources.base import LoadOptions
from greendapt.data.sources.groups import groups
from greendapt.data.sources.listing import SPLIT_NAMES, listed
from greendapt.data.splits import settle_splits
from greendapt.suite.datasets import XrayVisionData

_RANGE = 1024.0
"""torchxrayvision scales every image to [-1024, 1024]."""
_SECOND = ("metacsvpath", "dicomcsvpath", "dicomcsv_path")
"""What classes call their second table."""
_WRITTEN = {"Effusion": "Pleural Effusion"}
"""Findings that the classes call otherwise than the tables do."""


def load_xrv(spec: XrayVisionData, options: LoadOptions) -> ImageSet:
    """Every image of the dataset with its findings (NaN = missing).

    Its table's column ``split`` is kept where there is one, else patients are split 60/15/25. A
    class that names no patients has one for each different image.
    """
    name, labelled = options.name, options.needs == "labels"
    if options.needs == "masks":
        raise DataError(f"{name}: datasets of torchxrayvision have no masks here; use a folder")
    source: Any = _open(spec)
    pixels, hashes = _pixels(source, spec, options.image_size)
    origin = str(spec.images.resolve())
    patients = codes(origin, _ids(source, hashes))
    classes: tuple[str, ...] = ()
    targets: Ints | NDArray[np.float32] = no_targets(len(pixels))
    if labelled:
        classes, targets = _findings(source, spec, options.names, options.part)
    splits, notes = settle_splits(
        _official(source, spec, patients),
        patients,
        targets,
        groups(pixels, np.arange(len(pixels)), hashes, options),
    )
    return ImageSet(
        name=name,
        origin=origin,
        synthetic=False,
        task="multilabel" if labelled else "unlabelled",
        classes=classes,
        pixels=pixels,
        targets=targets,
        patients=patients,
        splits=splits,
        hashes=hashes,
        views=np.array([str(v).upper() for v in source.csv["view"]])
        if "view" in source.csv
        else None,
        notes=notes,
    )


def _open(spec: XrayVisionData) -> Any:
    """The dataset object; nothing is downloaded."""
    try:
        datasets = importlib.import_module("torchxrayvision.datasets")
    except ImportError as error:
        raise DataError(
            f"the dataset {spec.dataset} needs torchxrayvision ({error}); "
            "install it with: pip install 'greendapt[xrv]'"
        ) from error
    classes = sorted(n for n in vars(datasets) if n.endswith("_Dataset"))
    kind = getattr(datasets, spec.dataset, None) or getattr(
        datasets, f"{spec.dataset}_Dataset", None
    )
    if not inspect.isclass(kind):
        raise DataError(f"torchxrayvision has no dataset '{spec.dataset}'; it has {classes}")
    if not spec.images.exists():
        raise DataError(f"the image folder {spec.images} of {spec.dataset} does not exist")
    given = arguments(kind, spec)
    try:
        source: Any = kind(**given)
    except Exception as error:  # the library raises bare ones, too
        why = str(error) or type(error).__name__
        raise DataError(f"torchxrayvision cannot open {spec.dataset}: {why}") from error
    if len(source) == 0:
        raise DataError(f"{spec.dataset} has no images with views {', '.join(spec.views)}")
    return source


def arguments(kind: Any, spec: XrayVisionData) -> dict[str, Any]:
    """What of ``spec`` the class takes, under its own names; every image of a patient is wanted.

    Raises DataError where the class needs a table that is not given, or takes none.
    """
    takes = inspect.signature(kind).parameters
    if "imgpath" not in takes and "imgzippath" not in takes:
        raise DataError(f"{spec.dataset} reads no images of its own; name its datasets instead")
    second = next((name for name in _SECOND if name in takes), _SECOND[0])
    given = {"csv": ("csvpath", spec.csv), "metadata": (second, spec.metadata)}
    for key, (argument, path) in given.items():
        if path is not None and argument not in takes:
            raise DataError(f"{spec.dataset} takes no {key}; leave it out")
        needed = argument in takes and takes[argument].default is inspect.Parameter.empty
        if path is None and needed:
            raise DataError(f"{spec.dataset} needs {key} = its table; torchxrayvision has none")
    offered = {
        "imgpath": str(spec.images),
        "imgzippath": str(spec.images),
        **{argument: None if path is None else str(path) for argument, path in given.values()},
        "views": list(spec.views),
        "unique_patients": False,
        "extension": _extension(spec),
    }
    return {k: v for k, v in offered.items() if k in takes and v is not None}


def _extension(spec: XrayVisionData) -> str | None:
    """``.dcm`` for a folder of DICOM files, for classes that must be told."""
    suffixes = (path.suffix for path in spec.images.iterdir()) if spec.images.is_dir() else ()
    return ".dcm" if next(iter(suffixes), "") == ".dcm" else None


def _ids(source: Any, hashes: NDArray[np.uint64]) -> list[str]:
    """Patients; the image itself where nothing names one."""
    if "patientid" not in source.csv:
        return [str(hashed) for hashed in hashes]
    ids = source.csv["patientid"]
    named = zip(ids.notna(), ids, hashes, strict=True)
    return [str(one) if there else f"\0{hashed}" for there, one, hashed in named]


def _official(source: Any, spec: XrayVisionData, patients: Ints) -> list[str]:
    """The column ``split`` of the dataset's table, by image; empty where there is none."""
    if "split" not in source.csv:
        return []
    splits = [SPLIT_NAMES.get(str(split).casefold(), "") for split in source.csv["split"]]
    if not all(splits):
        raise DataError(f"{spec.dataset}: the column 'split' holds more than train, val and test")
    pairs = set(zip(patients.tolist(), splits, strict=True))
    astray = len(pairs) - len(np.unique(patients))
    if astray:
        raise DataError(f"{spec.dataset}: {astray} patients are in more than one split")
    return splits


def _pixels(
    source: Any, spec: XrayVisionData, size: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    def one(index: int) -> tuple[NDArray[np.uint8], int] | str:
        try:
            whole = np.asarray(source[index]["img"], dtype=np.float32)[0]
        except Exception as error:  # whatever a reader of that library raises, the image is bad
            return f"image {index} ({error})"
        small = Image.fromarray(whole).resize((size, size), Image.Resampling.BILINEAR)
        grey = (np.asarray(small) + _RANGE) * (255 / (2 * _RANGE))
        return np.rint(grey).clip(0, 255).astype(np.uint8), content_hash(whole)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(one, range(len(source))))
    bad = [item for item in done if isinstance(item, str)]
    if bad:
        raise DataError(f"{spec.images}: {listed('images cannot be read', bad)}")
    good = [item for item in done if not isinstance(item, str)]
    return (
        np.stack([image for image, _ in good])[:, None],
        np.array([hashed for _, hashed in good], dtype=np.uint64),
    )


def _findings(
    source: Any, spec: XrayVisionData, names: Names, part: Part | None
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """The findings asked for, or every one that has both answers (``part``: every one)."""
    columns = [str(p) for p in source.pathologies]
    values = np.asarray(source.labels, dtype=np.float32)
    values = np.where(values < 0, np.nan, values)
    if part is not None:
        values = np.where(_uncertain(source, columns), np.float32(part.uncertain), values)
        if NO_FINDING in source.csv:
            columns = [*columns, NO_FINDING]
            nothing = source.csv[NO_FINDING].to_numpy(dtype=np.float32)
            values = np.column_stack([values, np.where(nothing < 0, np.nan, nothing)])
    classes, targets = merge_columns(columns, values.astype(np.float32), names)
    return _chosen(spec, classes, targets, names, part)


def _uncertain(source: Any, columns: Sequence[str]) -> NDArray[np.bool_]:
    """Where the table says -1 [N, K]: the classes themselves turn it into NaN."""
    unsure = np.zeros((len(source), len(columns)), dtype=bool)
    for k, column in enumerate(columns):
        written = column if column in source.csv else _WRITTEN.get(column, "")
        if written in source.csv:
            unsure[:, k] = (source.csv[written] == -1).to_numpy(dtype=bool)
    return unsure


def _chosen(
    spec: XrayVisionData,
    classes: tuple[str, ...],
    targets: NDArray[np.float32],
    names: Names,
    part: Part | None,
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    nothing = [c for c in classes if part is not None and c == names(NO_FINDING)]
    wanted = tuple(dict.fromkeys([*(names(f) for f in spec.findings), *nothing]))
    wanted = wanted if spec.findings else classes
    unknown = [f for f in wanted if plain(f) not in {plain(c) for c in classes}]
    if unknown:
        raise DataError(f"{spec.dataset} has no {listed('findings', unknown)}; it has {classes}")
    index = [classes.index(f) for f in wanted]
    values = targets[:, index]
    if part is not None:
        return wanted, values
    varies = differing(values)
    if spec.findings and not varies.all():
        flat = [f for f, keep in zip(wanted, varies, strict=True) if not keep]
        raise DataError(f"{spec.dataset}: {listed('findings never differ between images', flat)}")
    if not varies.any():
        raise DataError(f"{spec.dataset}: no finding differs between the images")
    return tuple(f for f, keep in zip(wanted, varies, strict=True) if keep), values[:, varies]
