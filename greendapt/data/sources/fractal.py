"""Images of iterated function systems, one system a class (formula-driven pre-training).

Kataoka et al., "Pre-training without natural images" (FractalDB), IJCV 2022; systems are drawn as
in Anderson & Farrell, "Improving fractal pre-training", WACV 2022 (singular values of a given sum).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from greendapt.data.imageset import ImageSet, codes, content_hash
from greendapt.data.sources.base import LoadOptions
from greendapt.data.splits import made_splits
from greendapt.suite.datasets import FractalData

Floats = NDArray[np.float32]

WALKERS = 384
STEPS = 40
BURN_IN = 10
FILL = (0.12, 0.75)
"""Share of a 32 x 32 raster that a system must touch: neither dust nor a solid block."""
JITTER = 0.04
"""Standard deviation of what an image adds to every parameter of its system."""


@dataclass(frozen=True)
class System:
    """x -> A_k x + b_k with probability p_k: [n, 2, 2], [n, 2], [n]."""

    matrices: Floats
    offsets: Floats
    shares: Floats


def load_fractal(spec: FractalData, options: LoadOptions) -> ImageSet:
    """``spec.images`` grey images of ``spec.classes`` systems; image i depends on seed and i.

    Image i shows system i mod classes. Every image is its own patient.
    """
    options.check_memory(spec.images, planes=2)
    systems = [_system(spec.seed, k) for k in range(spec.classes)]
    targets = np.arange(spec.images, dtype=np.int64) % spec.classes
    pixels = np.stack(
        [
            _image(systems[k], _rng(spec.seed, 1, i), options.image_size)
            for i, k in enumerate(targets.tolist())
        ]
    )[:, None]
    patients = codes("fractal", (f"{spec.seed}:{i}" for i in range(spec.images)))
    images = ImageSet(
        name=options.name,
        origin="fractal",
        synthetic=True,
        task="multiclass",
        classes=tuple(options.names(f"system_{k:04d}") for k in range(spec.classes)),
        pixels=pixels,
        targets=targets,
        patients=patients,
        splits=made_splits(patients, targets, spec.seed),
        hashes=np.array([content_hash(image) for image in pixels], dtype=np.uint64),
    )
    return images if options.needs == "labels" else images.without_labels()


def _rng(seed: int, *index: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, *index]))


def _system(seed: int, k: int) -> System:
    """The first draw for class ``k`` that makes a picture."""
    rng = _rng(seed, 0, k)
    while True:
        system = _draw(rng)
        raster = _raster(_orbit(system, rng), 32)
        if FILL[0] < (raster > 0).mean() < FILL[1] and raster.max() < 0.1 * raster.sum():
            return system


def _draw(rng: np.random.Generator) -> System:
    n = int(rng.integers(2, 6))
    wanted = rng.uniform(0.5 * (5 + n), 0.5 * (6 + n))
    singular = _singular_values(rng, n, wanted)
    turns = rng.uniform(0, 2 * np.pi, (2, n))
    flips = rng.choice([-1.0, 1.0], (n, 2))
    matrices = _rotation(turns[0]) @ (singular[:, :, None] * _rotation(turns[1])) * flips[:, None]
    area = np.maximum(singular[:, 0] * singular[:, 1], 0.02)
    return System(
        matrices.astype(np.float32),
        rng.uniform(-1, 1, (n, 2)).astype(np.float32),
        (area / area.sum()).astype(np.float32),
    )


def _singular_values(rng: np.random.Generator, n: int, wanted: float) -> NDArray[np.float64]:
    """[n, 2], larger first, below 0.97, with sum(s1 + 2 s2) brought to ``wanted`` by scaling."""
    values = np.sort(rng.uniform(0.1, 1.0, (n, 2)), axis=1)[:, ::-1]
    scaled = values * (wanted / float((values @ (1.0, 2.0)).sum()))
    return np.asarray(np.minimum(scaled, 0.97))


def _rotation(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)


def _orbit(system: System, rng: np.random.Generator) -> Floats:
    """Points [WALKERS * (STEPS - BURN_IN), 2] of the chaos game, many walkers at once."""
    picks = np.searchsorted(
        np.cumsum(system.shares)[:-1], rng.random((STEPS, WALKERS), dtype=np.float32)
    )
    x = np.zeros(WALKERS, dtype=np.float32)
    y = np.zeros(WALKERS, dtype=np.float32)
    (a, b), (c, d) = system.matrices.transpose(1, 2, 0)[:, :, picks]
    e, f = system.offsets.T[:, picks]
    path = np.empty((STEPS, 2, WALKERS), dtype=np.float32)
    for t in range(STEPS):
        x, y = a[t] * x + b[t] * y + e[t], c[t] * x + d[t] * y + f[t]
        path[t, 0], path[t, 1] = x, y
    return path[BURN_IN:].transpose(0, 2, 1).reshape(-1, 2)


def _raster(points: Floats, size: int, margin: float = 0.06) -> Floats:
    """Counts [S, S]; the middle 98% of the points fills the frame, both axes on one scale."""
    few = np.sort(points[::7], axis=0)
    low, high = few[len(few) // 100], few[-1 - len(few) // 100]
    span = max(float((high - low).max()), 1e-6) * (1 + 2 * margin)
    at = ((points - (low + high) / 2) / span + 0.5) * size
    inside = ((at >= 0) & (at < size)).all(axis=1)
    column, row = at[inside].astype(np.int64).T
    counts = np.bincount(row * size + column, minlength=size * size)
    return counts.reshape(size, size).astype(np.float32)


def _image(system: System, rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """uint8 [S, S]: jittered parameters, turned, rendered as log density over a soft ground."""
    varied = System(
        system.matrices * (1 + JITTER * rng.standard_normal(system.matrices.shape)).astype("f4"),
        system.offsets + (JITTER * rng.standard_normal(system.offsets.shape)).astype("f4"),
        system.shares,
    )
    turn = _rotation(np.array(rng.uniform(0, 2 * np.pi))).astype(np.float32)
    counts = _raster(_orbit(varied, rng) @ turn, size, float(rng.uniform(0.0, 0.15)))
    shown = np.log1p(gaussian_filter(counts, size / 64 * rng.uniform(0.35, 0.8)) * (size / 64) ** 2)
    shown = (shown / max(float(shown.max()), 1e-6)) ** np.float32(rng.uniform(0.5, 1.2))
    ground, light = rng.uniform(0.0, 0.35), rng.uniform(0.6, 1.0)
    slope = np.linspace(-0.5, 0.5, size, dtype=np.float32) * rng.uniform(-0.2, 0.2)
    shown = ground + slope[None, :] + shown * (light - ground)
    if rng.random() < 0.5:
        shown = 1.0 - shown
    return np.asarray(np.rint(255 * np.clip(shown, 0, 1)), dtype=np.uint8)
