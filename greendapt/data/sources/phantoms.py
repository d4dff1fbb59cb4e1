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
from greendapt.data.sources.base import LoadOptions
from greendapt.data.splits import made_splits
from greendapt.suite.datasets import PhantomData

_TASKS: dict[str, Labelling] = {"diagnosis": "multiclass", "findings": "multilabel"}


def load_phantoms(spec: PhantomData, options: LoadOptions) -> ImageSet:
    """``spec.images`` phantoms; image i depends on hospital, task, seed and i only.

    Splits are by patient (60/15/25), whether or not labels are wanted.
    """
    options.check_memory(spec.images, planes=4)
    who, nth = visits(spec)
    hospital = HOSPITALS[spec.hospital]
    visited = list(zip(who.tolist(), nth.tolist(), strict=True))
    shots = [shot(spec, hospital, *visit) for visit in visited]
    streams = [stream(spec, 3, *visit) for visit in visited]
    with ThreadPoolExecutor(2) as pool:
        taken = list(
            pool.map(lambda s, rng: take(s, hospital, rng, options.image_size), shots, streams)
        )
    pixels = np.stack([image for image, _ in taken])[:, None]
    classes, targets = _targets(spec, shots, options.names)
    patients = codes(f"phantom:{spec.hospital}", (f"{spec.seed}:{p}" for p in who))
    images = ImageSet(
        name=options.name,
        origin=f"phantom:{spec.hospital}",
        synthetic=True,
        task=_TASKS[spec.task],
        classes=classes,
        pixels=pixels,
        targets=targets,
        patients=patients,
        splits=made_splits(patients, targets, spec.seed),
        hashes=np.array([content_hash(image) for image in pixels], dtype=np.uint64),
        views=np.array([shot.view for shot in shots]),
        masks=np.stack([mask for _, mask in taken]),
    )
    return images if options.needs == "labels" else images.without_labels()


def _targets(
    spec: PhantomData, shots: list[Shot], names: Names
) -> tuple[tuple[str, ...], NDArray[np.int64] | NDArray[np.float32]]:
    if spec.task == "diagnosis":
        diagnoses = [DIAGNOSES[int(shot.labels[0])] for shot in shots]
        return class_targets(diagnoses, names, DIAGNOSES)
    values = np.array([shot.labels for shot in shots], dtype=np.float32)
    return merge_columns(FINDINGS, values, names)
