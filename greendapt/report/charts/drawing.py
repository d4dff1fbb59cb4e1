"""What all charts share: size, fonts, colours, names beside points, and the way to SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from greendapt.report.charts import label_places
from greendapt.report.charts.axes import Axis
from greendapt.report.charts.label_places import Box, Point
from greendapt.report.charts.theme import Theme

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
_LETTER = 7.0  # pixels a letter of a 12 px label takes, generously
_LABEL = 14.0
_LONGEST = 26
_NEAR = 16.0


@dataclass(frozen=True)
class Size:
    """Of the plot area, in pixels."""

    width: float
    height: float


def framed(spec: dict[str, Any], theme: Theme, font: str | None = None) -> dict[str, Any]:
    """A specification that stands alone: schema, fonts and colours."""
    text = {"labelColor": theme.quiet, "titleColor": theme.quiet, "titleFontWeight": "normal"}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "background": None,
        "padding": 6,
        **spec,
        "config": {
            "aria": False,  # the page holds the text alternative
            "font": font or _FONT,
            "view": {"stroke": None},
            "title": {"color": theme.ink, "fontSize": 13, "anchor": "start", "offset": 10},
            "axis": {
                **text,
                "labelFontSize": 12,
                "titleFontSize": 12,
                "titlePadding": 8,
                "gridColor": theme.line,
                "domainColor": theme.line,
                "tickColor": theme.line,
            },
        },
    }


def svg(spec: dict[str, Any], theme: Theme, font: str | None = None) -> str:
    """The drawing as SVG text; offline, nothing is fetched."""
    import vl_convert  # 0.5 s and 30 MB: only when something is drawn

    text: str = vl_convert.vegalite_to_svg(framed(spec, theme, font), allowed_base_urls=[])
    return text


def raw(field: str) -> dict[str, Any]:
    """A colour or shape as it stands in the data."""
    return {"field": field, "type": "nominal", "scale": None}


KEPT = {"field": "kept", "type": "quantitative", "scale": None, "legend": None}
"""Opacity: 1, or less where a reader has asked for others."""


def shortened(name: str) -> str:
    """A name that fits beside a point; the table has all of it."""
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


@dataclass(frozen=True)
class Spot:
    """A name's centre and the end of its leader line, in pixels; ``far``: the line is wanted."""

    label: Point
    end: Point
    far: bool


def place_names(
    rows: Sequence[dict[str, Any]], points: Sequence[Point], size: Size, strokes: Sequence[Box] = ()
) -> list[Spot]:
    """Where the ``name`` of each row stands beside its point."""
    widths = [_LETTER * len(row["name"]) for row in rows]
    centres = label_places.place(points, widths, (size.width, size.height), _LABEL, strokes)
    spots = []
    for point, centre, width in zip(points, centres, widths, strict=True):
        end = label_places.leader_end(centre, width, _LABEL, point)
        spots.append(Spot(centre, end, math.dist(end, point) > _NEAR))
    return spots


def label(spot: Spot, x: Axis, y: Axis, size: Size) -> dict[str, Any]:
    """The fields that `name_marks` reads: the name in pixels, the line's end in data units."""
    return {
        "label_x": spot.label[0],
        "label_y": spot.label[1],
        "end_x": x.to_value(spot.end[0]),
        "end_y": y.to_value(size.height - spot.end[1]),
        "far": spot.far,
    }


def open_marks(theme: Theme) -> dict[str, Any]:
    """Points by the colour and shape of their strategy, filled with paper."""
    return {
        "mark": {"type": "point", "size": 70, "strokeWidth": 1.8, "opacity": 1},
        "encoding": {
            "stroke": raw("colour"),
            "fill": {"value": theme.paper},
            "shape": raw("shape"),
        },
    }


def name_marks(theme: Theme, x: str, y: str) -> list[dict[str, Any]]:
    """Names where `place_names` put them, with a line to a point (fields x, y) that is far."""
    text = {"type": "text", "fontSize": 12, "baseline": "middle"}
    named = {
        "encoding": {
            "x": {"field": "label_x", "type": "quantitative", "scale": None, "axis": None},
            "y": {"field": "label_y", "type": "quantitative", "scale": None, "axis": None},
            "text": {"field": "name", "type": "nominal"},
            "opacity": KEPT,
        }
    }
    return [
        {
            "transform": [{"filter": "datum.far"}],
            "mark": {"type": "rule", "strokeWidth": 0.8, "color": theme.quiet, "opacity": 0.7},
            "encoding": {
                "x": {"field": x, "type": "quantitative"},
                "y": {"field": y, "type": "quantitative"},
                "x2": {"field": "end_x"},
                "y2": {"field": "end_y"},
            },
        },
        {"mark": text | {"color": theme.paper, "stroke": theme.paper, "strokeWidth": 3}, **named},
        {"mark": text | {"color": theme.ink}, **named},
    ]
