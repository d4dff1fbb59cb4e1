"""Synthetic chest X-rays from two simulated hospitals, labels and masks by construction."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from greendapt.data.imageset import ImageSet, Labelling, codes, content_hash
from greendapt.data.labels import Names, class_targets, merge_columns
from greendapt.data.phantom.detector import take
from greendapt.data.phantom.hospitals import DIAGNOSES, FINDINGS, HOSPITALS
from greendapt.data.phantom.patients import Shot, shot, stream, visits
from greendapt.data.sources.folder import Needs
from greendapt.data.splits import assign_splits
from greendapt.suite.datasets import PhantomData

_TASKS: dict[str, Labelling] = {"diagnosis": "multiclass", "findings": "multilabel"}


def load_phantom(
    spec: PhantomData, *, name: str, image_size: int, names: Names, needs: Needs
) -> ImageSet:
    """``spec.images`` phantoms; image i depends on hospital, task, seed and i only.

    Splits are by patient (60/15/25). ``needs='images'`` leaves the labels out.
    """
    who, nth = visits(spec)
    hospital = HOSPITALS[spec.hospital]
    shots = [shot(spec, hospital, p, k) for p, k in zip(who.tolist(), nth.tolist(), strict=True)]
    with ThreadPoolExecutor(2) as pool:
        taken = list(
            pool.map(
                lambda i: take(
                    shots[i], hospital, stream(spec, 3, int(who[i]), int(nth[i])), image_size
                ),
                range(len(shots)),
            )
        )
    pixels = np.stack([image for image, _ in taken])[:, None]
    classes, targets = _targets(spec, shots, names)
    origin = f"phantom:{spec.hospital}"
    patients = codes(origin, (f"{spec.seed}:{p}" for p in who))
    splits = (
        assign_splits(patients, seed=spec.seed, targets=targets)
        if len(np.unique(patients)) > 2
        else np.full(len(who), "train")
    )
    labelled = needs == "labels"
    return ImageSet(
        name=name,
        origin=origin,
        synthetic=True,
        task=_TASKS[spec.task] if labelled else "unlabelled",
        classes=classes if labelled else (),
        pixels=pixels,
        targets=targets if labelled else np.full(len(who), -1, dtype=np.int64),
        patients=patients,
        splits=splits,
        hashes=np.array([content_hash(image) for image in pixels], dtype=np.uint64),
        views=np.array([shot.view for shot in shots]),
        masks=np.stack([mask for _, mask in taken]),
    )


def _targets(
    spec: PhantomData, shots: list[Shot], names: Names
) -> tuple[tuple[str, ...], NDArray[np.int64] | NDArray[np.float32]]:
    if spec.task == "diagnosis":
        said = [DIAGNOSES[int(shot.labels[0])] for shot in shots]
        return class_targets(said, names, DIAGNOSES)
    values = np.array([shot.labels for shot in shots], dtype=np.float32)
    return merge_columns(FINDINGS, values, names)
