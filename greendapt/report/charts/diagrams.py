"""A section's diagram, drawn: a line a strategy with intervals, and lines to hold it against."""

from __future__ import annotations

from typing import Any

from greendapt.report import words
from greendapt.report.charts import drawing
from greendapt.report.charts.axes import Axis
from greendapt.report.charts.drawing import Size
from greendapt.report.charts.theme import Theme, colour, dash, shape
from greendapt.report.view.model import Diagram

SIZE = Size(300, 260)


def diagram_spec(diagram: Diagram, theme: Theme, size: Size = SIZE) -> dict[str, Any]:
    """Vega-Lite specification; strategies are named at the last points of their lines."""
    across = [x for line in diagram.lines for x, *_ in line.points]
    up = [0.0, *(y for line in diagram.lines for _, y, *_ in line.points)]
    floor = min(up)  # of what strategies do; a guide may go far below
    for guide in diagram.guides.values():
        across += [x for x, _ in guide]
        up += [max(y, floor) for _, y in guide]
    x = Axis(min(across), max(across), False, size.width)
    y = Axis(min(up), max(up), False, size.height)
    rows = [
        {
            "x": at,
            "y": value,
            **({} if low is None or high is None else {"low": y.clip(low), "high": y.clip(high)}),
            "name": line.name,
            "colour": colour(theme, line.mark),
            "dash": dash(line.mark),
            "shape": shape(line.mark),
        }
        for line in diagram.lines
        for at, value, low, high in line.points
    ]
    guides = [
        {"x": at, "y": value, "name": name}
        for name, points in diagram.guides.items()
        for at, value in points
    ]
    line = {"strokeDash": drawing.raw("dash"), "detail": {"field": "name"}}
    colours = {"color": drawing.raw("colour")}
    return {
        "width": size.width,
        "height": size.height,
        "encoding": {"x": _channel("x", x, diagram.x), "y": _channel("y", y, diagram.y)},
        "layer": [
            {
                "data": {"values": guides},
                "mark": {"type": "line", "clip": True, "strokeDash": [3, 3], "color": theme.quiet},
                "encoding": {"detail": {"field": "name"}},
            },
            {
                "data": {"values": rows},
                "layer": [
                    {
                        "transform": [{"filter": "isValid(datum.low)"}],
                        "mark": {"type": "rule", "opacity": 0.4},
                        "encoding": {"y": {"field": "low"}, "y2": {"field": "high"}, **colours},
                    },
                    {"mark": {"type": "line", "strokeWidth": 1.6}, "encoding": line | colours},
                    drawing.open_marks(theme),
                ],
            },
        ],
    }


def _channel(field: str, axis: Axis, title: str) -> dict[str, Any]:
    return {
        "field": field,
        "type": "quantitative",
        "scale": axis.scale(),
        "axis": {"title": title, "format": "~g", "tickCount": 5, "grid": False},
    }


def alternative(diagram: Diagram) -> str:
    """The lines in words: where each begins and ends; the table has every point."""
    ends = [
        f"{line.name}: {words.number(line.points[0][1])} at {words.number(line.points[0][0])}, "
        f"{words.number(line.points[-1][1])} at {words.number(line.points[-1][0])}"
        for line in diagram.lines
    ]
    return f"{diagram.title}: {diagram.y.lower()} by {diagram.x.lower()}. {'; '.join(ends)}."
