"""From thickness maps to a displayed radiograph: Beer-Lambert, scatter, noise, window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from greendapt.data.phantom.anatomy import FIELD_CM, Chest, Map, blur_matrix, grid, project
from greendapt.data.phantom.hospitals import PHYSICS, Hospital
from greendapt.data.phantom.patients import Shot

_SCATTER_CM = 4.0
"""Standard deviation of the scatter kernel at the detector."""


@dataclass(frozen=True)
class Settings:
    """What the technician and the automatics happen to choose; factors unless said otherwise."""

    exposure: float
    borders: tuple[float, ...]
    """Left, top, right, bottom of the shutter, in cm."""
    window_width: float
    window_shift: float
    gamma: float
    marker: tuple[float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator, hospital: Hospital) -> Settings:
        across, down = hospital.marker
        return cls(
            exposure=float(np.exp(rng.normal(0, 0.25))),
            borders=tuple((FIELD_CM * hospital.collimation * rng.random(4)).tolist()),
            window_width=float(np.exp(rng.normal(0, 0.08))),
            window_shift=rng.normal(0, 0.08),
            gamma=float(np.exp(rng.normal(0, 0.08))),
            marker=(across + rng.normal(0, 0.012), down + rng.normal(0, 0.012)),
        )


def take(
    shot: Shot, hospital: Hospital, rng: np.random.Generator, size: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Image uint8 [S, S] as displayed (bone white), and the mask: 1 lung, 2 heart."""
    settings = Settings.draw(rng, hospital)
    chest = project(shot.body, shot.pose, shot.disease, size)
    open_field = _shutter(settings, size)
    signal = _transmit(chest, hospital, settings, rng)
    shown = _display(signal, open_field, hospital, settings)
    _mark(shown, settings)
    shown *= open_field
    return np.rint(255.0 * shown).astype(np.uint8), chest.mask * open_field.astype(np.uint8)


def _transmit(
    chest: Chest, hospital: Hospital, settings: Settings, rng: np.random.Generator
) -> Map:
    """Photons per pixel over those of the open beam: Beer-Lambert, scatter, blur, shot noise."""
    size = len(chest.water)
    pixel = FIELD_CM / size
    primary = np.exp(-PHYSICS.water_per_cm * chest.water - PHYSICS.bone_per_cm * chest.bone)
    wide = blur_matrix(size, round(_SCATTER_CM / pixel, 3))
    signal = (1 - hospital.scatter) * primary + hospital.scatter * (wide @ primary @ wide.T)
    open_beam = hospital.photons_per_cm2 * pixel**2 * settings.exposure
    counts = signal * np.float32(open_beam)
    noise = rng.standard_normal((size, size), dtype=np.float32)
    counts = np.maximum(counts + np.sqrt(counts) * noise, 1.0)
    soft = blur_matrix(size, round(hospital.blur_cm / pixel, 3))
    return np.asarray((soft @ counts @ soft.T) / open_beam, dtype=np.float32)


def _display(signal: Map, open_field: Map, hospital: Hospital, settings: Settings) -> Map:
    """0 to 1: logarithm, automatic window on the open field, gamma, S-curve."""
    density = -np.log(np.maximum(signal, 1e-5))
    inside = np.sort(density[open_field > 0])
    low, high = (float(inside[int(p / 100 * (len(inside) - 1))]) for p in hospital.window)
    half = max(high - low, 1e-3) / 2 * settings.window_width
    middle = (low + high) / 2 + half * settings.window_shift
    shown = np.clip((density - middle) / (2 * half) + 0.5, 0.0, 1.0)
    shown = shown ** np.float32(hospital.gamma * settings.gamma)
    smooth = shown * shown * (3.0 - 2.0 * shown)
    return np.asarray(shown + hospital.shades * (smooth - shown), dtype=np.float32)


def _shutter(settings: Settings, size: int) -> Map:
    """1 where the beam is open, 0 under the collimator."""
    left, top, right, bottom = settings.borders
    x, y = grid(size)
    half = FIELD_CM / 2
    return np.asarray(
        (x > left - half) & (x < half - right) & (y > top - half) & (y < half - bottom),
        dtype=np.float32,
    )


def _mark(shown: Map, settings: Settings) -> None:
    """The lead letter of the side, as a small bright block."""
    size = len(shown)
    across, down = (max(int(size * m), 0) for m in settings.marker)
    shown[down : down + max(size // 24, 1), across : across + max(size // 32, 1)] = 1.0
