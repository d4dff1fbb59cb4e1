"""Learning curves, drawn: validation loss over the energy spent."""

from __future__ import annotations

from typing import Any

from greendapt.report import axes, chart, words
from greendapt.report.axes import Axis
from greendapt.report.chart import Size
from greendapt.report.model import Learning
from greendapt.report.theme import Theme, colour, shape


def learning_spec(learning: Learning, theme: Theme, size: Size) -> dict[str, Any]:
    """Vega-Lite specification: a step line a strategy, named at its end."""
    energies = [energy for curve in learning.curves for energy in curve.energy_j]
    factor, unit = axes.unit("energy_j", energies)
    losses = [loss for curve in learning.curves for loss in curve.loss]
    x = axes.span([energy / factor for energy in energies], size.width)
    air = 0.08 * (max(losses) - min(losses)) or 0.05
    y = Axis(max(0.0, min(losses) - air), max(losses) + air, False, size.height)
    lines: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []
    for curve in learning.curves:
        tint = colour(theme, curve.mark)
        points = zip(curve.energy_j, curve.loss, strict=True)
        lines += [{"name": curve.name, "x": e / factor, "y": v, "colour": tint} for e, v in points]
        last = {"name": chart.shortened(curve.name), "shape": shape(curve.mark)}
        ends.append(lines[-1] | last)
    spots = [(x.to_pixel(end["x"]), size.height - y.to_pixel(end["y"])) for end in ends]
    for end, spot in zip(ends, chart.place_names(ends, spots, size), strict=True):
        end["label_x"], end["label_y"] = spot.label
        end["end_x"], end["end_y"] = x.to_value(spot.end[0]), y.to_value(size.height - spot.end[1])
        end["far"] = spot.far
    title = f"Energy spent on adaptation, {unit}{' (log scale)' if x.log else ''}"
    line = {"type": "line", "interpolate": "step-after", "strokeWidth": 1.6, "opacity": 0.85}
    return {
        "width": size.width,
        "height": size.height,
        "encoding": {"x": _channel("x", x, title), "y": _channel("y", y, "Validation loss")},
        "layer": [
            {
                "data": {"values": lines},
                "mark": line,
                "encoding": {"color": chart.raw("colour"), "detail": {"field": "name"}},
            },
            {
                "data": {"values": ends},
                "layer": [
                    {
                        "mark": {"type": "point", "size": 70, "strokeWidth": 1.8, "opacity": 1},
                        "encoding": {
                            "stroke": chart.raw("colour"),
                            "fill": {"value": theme.paper},
                            "shape": chart.raw("shape"),
                        },
                    },
                    *chart.name_marks(theme, "x", "y"),
                ],
            },
        ],
    }


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
    said = [
        f"{curve.name}: {words.number(curve.loss[0])} after "
        f"{words.quantity(curve.energy_j[0], 'J')}, {words.number(curve.loss[-1])} after "
        f"{words.quantity(curve.energy_j[-1], 'J')}"
        for curve in learning.curves
    ]
    return f"Lowest validation loss so far against energy. {'; '.join(said)}."
