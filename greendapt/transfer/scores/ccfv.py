"""CC-FV: class consistency with feature variety, for segmentation (Yang et al., MICCAI 2023,
arXiv 2307.11958)."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist, pdist

from greendapt.transfer.scores.base import Floats, Score, Undefined, finite, same_images


def ccfv(
    maps: Any, masks: Any, seed: int, *, points: int = 100, images: int = 16, power: float = 1.0
) -> float:
    """log(variety / inconsistency) of features [N, D, H, W] under label maps int [N, H, W].

    Inconsistency: Wasserstein-1 distance between the features of one class in two images, over
    all pairs of images and classes (0 is background, values from 255 on are unlabelled).
    Variety: inverse hyperspherical energy of features anywhere in an image. Both on at most
    ``points`` pixels a class and image and ``images`` images, drawn from ``seed``.
    """
    features = finite(maps, "feature maps")
    labels = np.asarray(masks)
    same_images(features, labels, "feature maps and masks")
    if features.ndim != 4 or labels.shape != (len(features), *features.shape[2:]):
        raise ValueError(f"masks {labels.shape} do not fit feature maps {features.shape}")
    generator = np.random.default_rng(seed)
    chosen = np.sort(generator.permutation(len(features))[:images])
    pixels = [features[i].reshape(features.shape[1], -1).T for i in chosen]
    classes_of = [labels[i].ravel() for i in chosen]
    inconsistent = _inconsistency(pixels, classes_of, points, generator)
    variety = float(np.mean([1 / energy(_some(p, points, generator), power) for p in pixels]))
    if inconsistent == 0:
        raise Undefined("the features of a class are the same in all images")
    return float(np.log(variety / inconsistent))


def energy(points: Floats, power: float) -> float:
    """Mean over pairs of the inverse ``power`` of their distance on the unit sphere, [N, D]."""
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    unit = np.divide(points, lengths, out=np.zeros_like(points), where=lengths > 0)
    return float((np.maximum(pdist(unit), 1e-6) ** -power).mean())


def wasserstein(a: Floats, b: Floats) -> float:
    """Wasserstein-1 distance (Euclidean) of two equally large sets of points [M, D]."""
    costs = cdist(a, b)
    return float(costs[linear_sum_assignment(costs)].mean())


def _inconsistency(
    pixels: list[Floats], classes_of: list[Any], points: int, generator: np.random.Generator
) -> float:
    classes = [k for k in np.unique(np.concatenate(classes_of)) if 0 < k < 255]
    if not classes:
        raise Undefined("no mask has a foreground")
    distances = []
    for k in classes:
        sets = [p[s == k] for p, s in zip(pixels, classes_of, strict=True) if (s == k).any()]
        for a, b in combinations(sets, 2):
            size = min(points, len(a), len(b))
            distances.append(wasserstein(_some(a, size, generator), _some(b, size, generator)))
    if not distances:
        raise Undefined("no two images show the same class")
    return float(np.mean(distances))


def _some(points: Floats, size: int, generator: np.random.Generator) -> Floats:
    """At most ``size`` rows, each once."""
    return points[generator.permutation(len(points))[:size]]


CCFV = Score(("maps", "masks"), "higher", "segmentation: class consistency, feature variety", ccfv)
