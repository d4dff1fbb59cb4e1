"""Learning curves, drawn: validation loss over the energy spent."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from greendapt.report import words
from greendapt.report.charts import axes, drawing, label_places
from greendapt.report.charts.axes import Axis
from greendapt.report.charts.drawing import Size
from greendapt.report.charts.label_places import Box
from greendapt.report.charts.theme import Theme, colour, dash, shape
from greendapt.report.view.model import Curve, Learning


def learning_spec(learning: Learning, theme: Theme, size: Size) -> dict[str, Any]:
    """Vega-Lite specification: a step line a strategy, named at its end."""
    energies = [energy for curve in learning.curves for energy in curve.energy_j]
    losses = [loss for curve in learning.curves for loss in curve.loss]
    factor, unit = axes.unit("energy_j", energies)
    x = axes.span([energy / factor for energy in energies], size.width)
    air = 0.08 * (max(losses) - min(losses)) or 0.05
    y = Axis(max(0.0, min(losses) - air), max(losses) + air, False, size.height)
    title = f"Energy spent on adaptation, {unit}{' (log scale)' if x.log else ''}"
    line = {"type": "line", "interpolate": "step-after", "strokeWidth": 1.6, "opacity": 0.85}
    return {
        "width": size.width,
        "height": size.height,
        "encoding": {"x": _channel("x", x, title), "y": _channel("y", y, "Validation loss")},
        "layer": [
            {
                "data": {
                    "values": [row for c in learning.curves for row in _line(c, factor, theme)]
                },
                "mark": line,
                "encoding": {
                    "color": drawing.raw("colour"),
                    "strokeDash": drawing.raw("dash"),
                    "detail": {"field": "name"},
                },
            },
            {
                "data": {"values": _ends(learning, factor, x, y, theme, size)},
                "layer": [drawing.open_marks(theme), *drawing.name_marks(theme, "x", "y")],
            },
        ],
    }


def _line(curve: Curve, factor: float, theme: Theme) -> list[dict[str, Any]]:
    points = zip(curve.energy_j, curve.loss, strict=True)
    same = {"name": curve.name, "colour": colour(theme, curve.mark), "dash": dash(curve.mark)}
    return [{"x": energy / factor, "y": loss, **same} for energy, loss in points]


def _ends(
    learning: Learning, factor: float, x: Axis, y: Axis, theme: Theme, size: Size
) -> list[dict[str, Any]]:
    """The last point of each curve, with its shape and where its name stands."""
    rows = [
        _line(curve, factor, theme)[-1]
        | {"name": drawing.shortened(curve.name), "shape": shape(curve.mark), "kept": 1.0}
        for curve in learning.curves
    ]
    points = [(x.to_pixel(row["x"]), size.height - y.to_pixel(row["y"])) for row in rows]
    strokes = [stroke for c in learning.curves for stroke in _strokes(c, factor, x, y, size)]
    for row, spot in zip(rows, drawing.place_names(rows, points, size, strokes), strict=True):
        row |= drawing.label(spot, x, y, size)
    return rows


def _strokes(curve: Curve, factor: float, x: Axis, y: Axis, size: Size) -> Iterator[Box]:
    """The steps of a curve, which names keep off."""
    places = [
        (x.to_pixel(energy / factor), size.height - y.to_pixel(loss))
        for energy, loss in zip(curve.energy_j, curve.loss, strict=True)
    ]
    for here, there in pairwise(places):
        corner = (there[0], here[1])
        yield label_places.stroke(here, corner)
        yield label_places.stroke(corner, there)


def _channel(field: str, axis: Axis, title: str) -> dict[str, Any]:
    ticks = {"values": axes.ticks(axis), "grid": False} if axis.log else {"tickCount": 6}
    return {
        "field": field,
        "type": "quantitative",
        "scale": axis.scale(),
        "axis": {"title": title, "format": "~g", **ticks},
    }


def alternative(learning: Learning) -> str:
    """The curves in words: where each begins and ends."""
    ends = [
        f"{curve.name}: {words.number(curve.loss[0])} after "
        f"{words.amount('energy_j', curve.energy_j[0])}, {words.number(curve.loss[-1])} after "
        f"{words.amount('energy_j', curve.energy_j[-1])}"
        for curve in learning.curves
    ]
    return f"Lowest validation loss so far against energy. {'; '.join(ends)}."
