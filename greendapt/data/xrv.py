"""Datasets of torchxrayvision, by class name (Cohen et al., MIDL 2022). Needs the ``xrv`` extra."""

from __future__ import annotations

import importlib
import inspect
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from greendapt.core.errors import DataError
from greendapt.core.suite import XrayVisionData
from greendapt.data.folder import Needs
from greendapt.data.imageset import ImageSet, codes, content_hash
from greendapt.data.labels import Names, merge_columns, plain
from greendapt.data.listing import listed
from greendapt.data.splits import assign_splits

_RANGE = 1024.0
"""torchxrayvision scales every image to [-1024, 1024]."""


def load_xrv(
    spec: XrayVisionData, *, name: str, image_size: int, names: Names, needs: Needs
) -> ImageSet:
    """Every image of the dataset with its findings (NaN = missing), split by patient 60/15/25."""
    if needs == "masks":
        raise DataError(f"{name}: datasets of torchxrayvision have no masks here; use a folder")
    source = _open(spec)
    pixels, hashes = _pixels(source, spec, image_size)
    columns = [str(p) for p in source.pathologies]
    values = np.asarray(source.labels, dtype=np.float32)
    classes, targets = merge_columns(columns, np.where(values < 0, np.nan, values), names)
    classes, targets = _chosen(spec, classes, targets, names)
    origin = str(spec.images.resolve())
    patients = codes(origin, (str(i) for i in source.csv["patientid"]))
    labelled = needs == "labels"
    blank = np.full(len(pixels), -1, dtype=np.int64)
    return ImageSet(
        name=name,
        origin=origin,
        synthetic=False,
        task="multilabel" if labelled else "unlabelled",
        classes=classes if labelled else (),
        pixels=pixels,
        targets=targets if labelled else blank,
        patients=patients,
        splits=assign_splits(patients, targets=targets)
        if len(np.unique(patients)) > 2
        else np.full(len(pixels), "train"),
        hashes=hashes,
        views=np.array([str(v) for v in source.csv["view"]]) if "view" in source.csv else None,
    )


def _open(spec: XrayVisionData) -> Any:
    try:
        datasets = importlib.import_module("torchxrayvision.datasets")
    except ImportError as error:
        raise DataError(
            f"the dataset {spec.dataset} needs torchxrayvision ({error}); "
            "install it with: pip install 'greendapt[xrv]'"
        ) from error
    known = sorted(n for n in vars(datasets) if n.endswith("_Dataset"))
    kind = getattr(datasets, spec.dataset, None) or getattr(
        datasets, f"{spec.dataset}_Dataset", None
    )
    if not inspect.isclass(kind):
        raise DataError(f"torchxrayvision has no dataset '{spec.dataset}'; it has {known}")
    if not spec.images.is_dir():
        raise DataError(f"the image folder {spec.images} of {spec.dataset} does not exist")
    return _build(kind, spec)


def _build(kind: Any, spec: XrayVisionData) -> Any:
    """The dataset object; only what its class takes is passed, nothing is downloaded."""
    takes = inspect.signature(kind).parameters
    offered = {
        "csvpath": None if spec.csv is None else str(spec.csv),
        "views": list(spec.views),
        "unique_patients": False,
    }
    said = {k: v for k, v in offered.items() if k in takes and v is not None}
    if spec.csv is not None and "csvpath" not in takes:
        raise DataError(f"{spec.dataset} takes no csv; leave it out")
    try:
        source = kind(imgpath=str(spec.images), **said)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise DataError(f"torchxrayvision cannot open {spec.dataset}: {error}") from error
    if len(source) == 0:
        raise DataError(f"{spec.dataset} has no images with views {', '.join(spec.views)}")
    return source


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


def _chosen(
    spec: XrayVisionData, classes: tuple[str, ...], targets: NDArray[np.float32], names: Names
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """The findings asked for, or every one that has both answers."""
    wanted = tuple(dict.fromkeys(names(f) for f in spec.findings)) or classes
    unknown = [f for f in wanted if plain(f) not in {plain(c) for c in classes}]
    if unknown:
        raise DataError(f"{spec.dataset} has no {listed('findings', unknown)}; it has {classes}")
    index = [classes.index(f) for f in wanted]
    part = targets[:, index]
    varies = (part == 1).any(axis=0) & (part == 0).any(axis=0)
    if spec.findings and not varies.all():
        flat = [f for f, keep in zip(wanted, varies, strict=True) if not keep]
        raise DataError(f"{spec.dataset}: {listed('findings never differ between images', flat)}")
    if not varies.any():
        raise DataError(f"{spec.dataset}: no finding differs between the images")
    return tuple(f for f, keep in zip(wanted, varies, strict=True) if keep), part[:, varies]
