"""Thickness maps of a chest: ellipsoids projected along the beam, findings put in by hand.

Lengths are cm in the detector plane; x grows to the image's right, y downwards; the origin is the
middle of the thorax. Maps are float32 [S, S].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
Real = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Body:
    """What is a patient's own (cm, except factors)."""

    size: float = 1.0
    half_width: float = 16.5
    thickness: float = 21.0
    lung: tuple[float, float, float] = (6.6, 14.5, 15.0)  # half-width, half-height, depth
    lung_gap: float = 7.9
    dome: float = 3.2
    right_higher: float = 1.2
    heart: tuple[float, float, float] = (6.2, 4.9, 9.5)
    heart_tilt: float = 0.6
    rib_spacing: float = 2.45
    rib_phase: float = 0.0
    rib_slope: float = 3.4
    bone: float = 1.0
    spine_bend: float = 0.0
    breast: float = 0.0
    vessels: float = 1.0
    texture: int = 0


@dataclass(frozen=True)
class Pose:
    """What differs between two images of one patient. ``heart``/``breath`` are factors."""

    shift: tuple[float, float] = (0.0, 0.0)
    turn: float = 0.0
    zoom: float = 1.0
    heart: float = 1.0
    breath: float = 1.0
    scapula: float = 0.0
    """How far the shoulder blades lie over the lungs, 0 to 1."""


@dataclass(frozen=True)
class Blob:
    """An ellipsoid of something in a lung: centre, radii (cm), strength 0 to 1."""

    x: float
    y: float
    rx: float
    ry: float
    strength: float


@dataclass(frozen=True)
class Disease:
    """What is wrong, and where; sides are -1 (image left) or 1."""

    opacities: tuple[Blob, ...] = ()
    nodules: tuple[Blob, ...] = ()
    effusion: dict[int, float] = field(default_factory=dict)
    """Height of the fluid in cm, by side."""
    pneumothorax: dict[int, float] = field(default_factory=dict)
    """Severity 0 to 1, by side."""
    cardiomegaly: float = 0.0
    """Severity 0 to 1."""


@dataclass(frozen=True)
class Chest:
    """Water and bone along each ray (cm), and the label map: 1 lung, 2 heart."""

    water: Map
    bone: Map
    mask: NDArray[np.uint8]


FIELD_CM = 37.0
_LUNG_AIR = 0.74
"""Share of a lung's thickness that is air."""


@lru_cache(maxsize=8)
def grid(size: int) -> tuple[Map, Map]:
    """Pixel centres x [1, S], y [S, 1] in cm."""
    at = (((np.arange(size) + 0.5) / size - 0.5) * FIELD_CM).astype(np.float32)
    return at[None, :], at[:, None]


@lru_cache(maxsize=64)
def blur_matrix(size: int, sigma: float) -> Map:
    """Rows sum to one: ``B @ image @ B.T`` is a Gaussian blur of ``sigma`` pixels."""
    at = np.arange(size)
    weight = np.exp(-0.5 * ((at[:, None] - at[None, :]) / max(sigma, 1e-3)) ** 2)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), dtype=np.float32)


@lru_cache(maxsize=32)
def _upsampler(size: int, knots: int) -> Map:
    """[S, knots] smooth interpolation of unit-variance lattice noise, unit variance kept."""
    place = (np.arange(size) + 0.5) / size * (knots - 3) + 1
    weight = np.exp(-0.5 * ((place[:, None] - np.arange(knots)[None, :]) / 0.6) ** 2)
    return np.asarray(weight / np.linalg.norm(weight, axis=1, keepdims=True), dtype=np.float32)


def lattice_noise(rng: np.random.Generator, size: int, knots: int) -> Map:
    """Smooth noise of unit variance, the same field at every ``size``."""
    up = _upsampler(size, knots)
    return np.asarray(up @ rng.standard_normal((knots, knots), dtype=np.float32) @ up.T)


def _edge(distance: Real, width: float) -> Map:
    """0 to 1 across ``distance`` = 0, softly over ``width``."""
    return np.asarray(0.5 + 0.5 * np.tanh(distance / np.float32(width)), dtype=np.float32)


def _chord(u: Real, v: Real, depth: float) -> Map:
    """Length of the ray through an ellipsoid at ``u``, ``v`` (units of its radii)."""
    inside = np.sqrt(np.maximum(1.0 - u * u - v * v, 0.0))
    return np.asarray(inside * np.float32(depth), dtype=np.float32)


def project(body: Body, pose: Pose, disease: Disease, size: int) -> Chest:
    """The chest along every ray of a ``size`` x ``size`` detector."""
    gx, gy = grid(size)
    cos, sin = np.float32(np.cos(pose.turn)), np.float32(np.sin(pose.turn))
    scale = np.float32(1.0 / (pose.zoom * body.size))
    x = (cos * gx + sin * gy - np.float32(pose.shift[0])) * scale
    y = (cos * gy - sin * gx - np.float32(pose.shift[1])) * scale
    noise = np.random.default_rng(body.texture)
    air, lung = _lungs(x, y, body, pose, disease, noise)
    heart = _heart(x, y, body, pose, disease)
    water = _torso(x, y, body) + 0.8 * _middle(x, y) + 0.4 * heart
    air = np.maximum(air - 0.8 * heart, 0.0)
    water = np.maximum(water - air, 1.0) + _nodules(x, y, disease)
    mask = np.where(heart > 0, 2, lung > 0.5).astype(np.uint8)
    unit = np.float32(body.size)
    return Chest(water * unit, _bones(x, y, body, pose) * unit, mask)


def _torso(x: Map, y: Map, body: Body) -> Map:
    """Trunk, shoulders that slope from the neck, breasts."""
    width = body.half_width + 5.0 * _edge(-(y + 9.0), 5.0)
    trunk = np.sqrt(np.maximum(1.0 - (x / width) ** 2, 0.0)) * np.float32(body.thickness)
    slope = -17.5 + 4.0 * np.tanh((np.abs(x) - 5.0) / 4.0) + 0.3 * np.maximum(np.abs(x) - 10.0, 0)
    trunk *= 0.1 + 0.9 * _edge(y - slope, 2.2)
    trunk += 3.0 * _edge(y - 13.0, 3.0)
    if body.breast > 0:
        for side in (-1, 1):
            trunk += _chord((x - side * 8.5) / 6.0, (y - 7.5) / 5.5, 4.0 * body.breast)
    return np.asarray(trunk, dtype=np.float32)


def _lungs(
    x: Map, y: Map, body: Body, pose: Pose, disease: Disease, noise: np.random.Generator
) -> tuple[Map, Map]:
    """Air along the ray (cm), and how much of each pixel is lung (0 to 1)."""
    rx, ry, depth = body.lung
    size = x.shape[0]
    vessels = _vessels(x, y, body, noise, size)
    opaque = _opacity(x, y, disease, noise, size)
    floor = 10.0 * pose.breath - 0.5
    air, lung = np.zeros_like(x), np.zeros_like(x)
    for side in (-1, 1):
        u, v = (x - side * body.lung_gap) / rx, (y + 1.0) / ry
        lateral = (side * x - body.lung_gap + rx) / (2 * rx)
        low = floor - (body.right_higher if side < 0 else 0.0)
        dome = low - body.dome * (1.0 - (2.0 * lateral - 0.8) ** 2)
        inside = _edge(dome - y, 0.35) * _edge(side * x - 2.3 - 0.06 * (y + 8.0), 0.5)
        solid = _fluid(y, lateral, low, disease.effusion.get(side, 0.0))
        share = _LUNG_AIR * (1.0 - opaque) - vessels
        share = _collapse(u, v, share, disease.pneumothorax.get(side, 0.0))
        thick = _chord(u, v, depth) * inside
        air += thick * share * (1.0 - solid)
        lung += (thick > 0.12 * depth) * inside
    return air, np.minimum(lung, 1.0)


def _vessels(x: Map, y: Map, body: Body, noise: np.random.Generator, size: int) -> Map:
    """Ridges of noise, dense at the hila and thinning outwards: share of air they take."""
    coarse = np.abs(lattice_noise(noise, size, 22))
    fine = np.abs(lattice_noise(noise, size, 40))
    ridges = np.maximum(1.0 - 1.6 * coarse, 0.0) + 0.6 * np.maximum(1.0 - 1.8 * fine, 0.0)
    away = np.minimum((np.abs(x) - 4.0) ** 2, (np.abs(x) - 5.5) ** 2) + 0.45 * (y + 1.0) ** 2
    near = np.exp(-away / 28.0)
    return np.asarray(body.vessels * (0.04 + 0.2 * near) * ridges + 0.16 * near**3, np.float32)


def _opacity(x: Map, y: Map, disease: Disease, noise: np.random.Generator, size: int) -> Map:
    """Share of the air that fluid has replaced: patchy blobs that add up, at most 0.95."""
    patchy = 0.75 + 0.35 * lattice_noise(noise, size, 14) + 0.2 * lattice_noise(noise, size, 30)
    clear = np.ones_like(x)
    for blob in disease.opacities:
        away = ((x - blob.x) / blob.rx) ** 2 + ((y - blob.y) / blob.ry) ** 2
        clear *= 1.0 - np.clip(blob.strength * np.exp(-away) * patchy, 0.0, 0.95)
    return np.asarray(1.0 - clear, dtype=np.float32)


def _fluid(y: Map, lateral: Map, low: float, height: float) -> Map:
    """Pleural fluid from the costophrenic angle up, its level rising to the side."""
    if height <= 0:
        return np.zeros_like(y)
    level = low + 1.2 - height * (0.35 + 0.65 * np.clip(lateral, 0.0, 1.1) ** 2)
    return _edge(y - level, 0.6 + 0.06 * height)


def _collapse(u: Map, v: Map, share: Map, severity: float) -> Map:
    """Air outside the collapsed lung: a rim, widest at the apex, without vessels."""
    if severity <= 0:
        return share
    rim = u * u + v * v - (1.0 - 0.75 * severity * (0.4 + 0.6 * np.clip(-v, 0.0, 1.0)))
    outside = _edge(rim, 0.04)
    line = 0.12 * np.exp(-((rim / 0.05) ** 2))
    return np.asarray(share * (1.0 - outside) + 0.97 * outside - line, dtype=np.float32)


def _heart(x: Map, y: Map, body: Body, pose: Pose, disease: Disease) -> Map:
    rx, ry, depth = body.heart
    grow = np.float32(pose.heart * (1.0 + 0.32 * disease.cardiomegaly))
    cos, sin = np.float32(np.cos(body.heart_tilt)), np.float32(np.sin(body.heart_tilt))
    dx, dy = x - 1.9 * grow, y - (10.0 * pose.breath - 5.0)
    return _chord((cos * dx + sin * dy) / (rx * grow), (cos * dy - sin * dx) / (ry * grow), depth)


def _middle(x: Map, y: Map) -> Map:
    """Mediastinum and aortic knob, less the windpipe."""
    middle = _chord((x - 0.3) / 3.4, (y + 2.0) / 17.0, 5.0)
    knob = _chord((x - 2.6) / 1.9, (y + 6.3) / 2.2, 4.0)
    windpipe = _chord((x + 0.2) / 0.85, (y + 13.5) / 7.5, 1.7)
    return np.asarray(middle + knob - windpipe, dtype=np.float32)


def _nodules(x: Map, y: Map, disease: Disease) -> Map:
    total = np.zeros_like(x)
    for blob in disease.nodules:
        total += _chord((x - blob.x) / blob.rx, (y - blob.y) / blob.ry, 2.0 * blob.rx)
    return total


def _bones(x: Map, y: Map, body: Body, pose: Pose) -> Map:
    across = np.abs(x)
    reach = body.lung_gap + body.lung[0] + 0.6
    bone = body.bone * _ribs(across, y, body, reach)
    spine = x - body.spine_bend * np.sin(y / 9.0)
    discs = 0.85 + 0.15 * np.cos(2 * np.pi * y / 3.1)
    bone += 1.0 * body.bone * discs * _edge(1.9 - np.abs(spine), 0.3)
    bar = y - (-12.6 + 0.16 * (across - 7.0) + 0.9 * np.sin(across / 4.2))
    bone += 0.85 * np.exp(-((bar / 0.55) ** 4)) * _edge(across - 1.6, 0.4) * _edge(15 - across, 0.6)
    inward = 15.2 - 3.6 * pose.scapula
    blade = (across - inward + 0.25 * (y + 6.0)) / 3.6
    bone += 0.5 * (blade**2 + ((y + 6.0) / 6.8) ** 2 < 1.0)
    return np.asarray(bone, dtype=np.float32)


def _ribs(across: Map, y: Map, body: Body, reach: float) -> Map:
    """Posterior ribs slope gently down and outwards, anterior ones steeply down and inwards."""
    out = np.minimum(across / reach, 1.0)
    wall = np.sqrt(np.maximum(1.0 - (y + 1.0) ** 2 / 17.5**2, 0.02))
    edge = np.minimum(across / (reach * wall), 1.0)
    longer = np.minimum(1.0 / np.sqrt(1.04 - edge**2), 2.6) * _edge(reach * wall - across, 0.3)
    back = y - body.rib_slope * out**2.0 - 2.2 * out**8
    front = y + 1.8 * body.rib_slope * out - 3.5 * out**8
    ends = _edge(across - 5.5, 0.8)
    span = _edge(y + 15.5, 0.8) * _edge(9.5 - y, 1.5)
    ribs = 0.42 * _tubes(back, body, 0.0) + 0.26 * ends * _tubes(front, body, 0.45)
    return np.asarray(ribs * longer * span, dtype=np.float32)


def _tubes(height: Map, body: Body, phase: float) -> Map:
    """A row of hollow tubes, brighter at their edges."""
    turns = height / body.rib_spacing + body.rib_phase + phase
    off = np.abs(turns - np.rint(turns)) * (2.0 * body.rib_spacing / 1.25)
    return np.asarray(
        _edge(1.0 - off, 0.22) * (0.75 + 0.25 * np.minimum(off, 1.0) ** 4), np.float32
    )
