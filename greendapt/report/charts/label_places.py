"""Where to write names beside points so that none covers another: a small deterministic repel."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels; y grows downward."""
Boxes = NDArray[np.float64]
"""Boxes (n, 4)."""

_ANGLES = np.radians([0, 180, 270, 90, 330, 30, 210, 150, 300, 60, 240, 120])
_REACHES = np.array([0, 6, 12, 20, 30, 42, 56, 74, 96, 120, 150, 185])
_POINT = 7.0  # half the side of a point and the air around it
_SWEEPS = 3
# what one square pixel on it costs, against one pixel of distance to the point
_ON_LABEL, _ON_POINT, _OUTSIDE, _ON_STROKE, _AWAY = 40.0, 20.0, 30.0, 1.0, 2.0
_SLIVER = 400.0  # what the smallest part costs, on a label or outside: more than any distance


def place(
    points: Sequence[Point],
    widths: Sequence[float],
    size: tuple[float, float],
    height: float = 14.0,
    strokes: Sequence[Box] = (),
) -> list[Point]:
    """Centres of the labels of ``points``, in pixels, inside (0, 0) to ``size``.

    A label may cover neither a label nor a point; it avoids ``strokes`` and stays near its point
    where it can. Each is placed in turn at the best of a fixed set of places, three times over.
    """
    dots = np.array([(x - _POINT, y - _POINT, x + _POINT, y + _POINT) for x, y in points])
    lines = np.array(strokes, dtype=np.float64).reshape(-1, 4)
    choices = [_candidates(p, w, height) for p, w in zip(points, widths, strict=True)]
    fixed = [
        _ON_POINT * _overlap(boxes, dots)
        + _ON_STROKE * _overlap(boxes, lines)
        + _forbidden(width * height - _overlap(boxes, np.array([[0, 0, *size]])), _OUTSIDE)
        + _AWAY * _distance(boxes, point)
        for boxes, point, width in zip(choices, points, widths, strict=True)
    ]
    placed: dict[int, Boxes] = {}
    for _ in range(_SWEEPS):
        for index, (boxes, cost) in enumerate(zip(choices, fixed, strict=True)):
            others = np.array([box for other, box in placed.items() if other != index])
            crowd = _overlap(boxes, others.reshape(-1, 4))
            placed[index] = boxes[np.argmin(cost + _forbidden(crowd, _ON_LABEL))]
    middles = [(placed[i][:2] + placed[i][2:]) / 2 for i in range(len(points))]
    return [(float(x), float(y)) for x, y in middles]


def _overlap(boxes: Boxes, others: Boxes) -> Boxes:
    """Area each of ``boxes`` has in common with all ``others``, (n,)."""
    a, b = boxes[:, None, :], others[None, :, :]
    wide = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    high = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    area: Boxes = (wide.clip(0) * high.clip(0)).sum(axis=1)
    return area


def _forbidden(area: Boxes, weight: float) -> Boxes:
    return weight * area + _SLIVER * (area > 1e-6)


def _distance(boxes: Boxes, point: Point) -> Boxes:
    x = np.clip(point[0], boxes[:, 0], boxes[:, 2]) - point[0]
    y = np.clip(point[1], boxes[:, 1], boxes[:, 3]) - point[1]
    away: Boxes = np.hypot(x, y)
    return away


def _candidates(point: Point, width: float, height: float) -> Boxes:
    """Boxes around the point: near ones first, to the right before to the left."""
    reach, angle = (grid.ravel() for grid in np.meshgrid(_REACHES, _ANGLES, indexing="ij"))
    x = point[0] + np.cos(angle) * (width / 2 + _POINT + 2 + reach)
    y = point[1] + np.sin(angle) * (height / 2 + _POINT + 2 + reach)
    return np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)


def stroke(start: Point, end: Point) -> Box:
    """The box around a horizontal or vertical line, with a little air."""
    (x, y), (to_x, to_y) = start, end
    return min(x, to_x) - 2, min(y, to_y) - 2, max(x, to_x) + 2, max(y, to_y) + 2


def leader_end(centre: Point, width: float, height: float, point: Point) -> Point:
    """Where a line from ``point`` to the label around ``centre`` ends."""
    x = min(max(point[0], centre[0] - width / 2), centre[0] + width / 2)
    y = min(max(point[1], centre[1] - height / 2), centre[1] + height / 2)
    return (x, y) if math.dist((x, y), point) > 0 else centre
