"""The chart, once: a Vega-Lite specification of the accuracy-versus-cost Pareto picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from greendapt.report import axes, labels, words
from greendapt.report.axes import Axis
from greendapt.report.labels import Point
from greendapt.report.model import Entry, Panel, Path, View
from greendapt.report.theme import LIGHT, Theme, colour, shape
from greendapt.report.verdict import CHANCE

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
_LETTER = 7.0  # pixels a letter of a 12 px label takes, generously
_LABEL = 14.0
_LONGEST = 26


@dataclass(frozen=True)
class Size:
    """Of the plot area, in pixels."""

    width: float
    height: float


WIDE = Size(470, 330)
NARROW = Size(285, 330)


def drawn(panel: Panel, path: Path, key: str) -> list[Entry]:
    """The entries a chart of ``path`` against ``key`` can show."""
    return [e for e in panel.entries if path in e.metrics and e.costs[key].estimate is not None]


def pareto_spec(panel: Panel, path: Path, key: str, theme: Theme, size: Size) -> dict[str, Any]:
    """Vega-Lite specification of ``path`` against ``key``, every strategy labelled directly."""
    entries = drawn(panel, path, key)
    factor, unit_name = axes.unit(key, [axes.cost_bounds(entry, key)[0] for entry in entries])
    x, y = (
        axes.cost_axis(entries, key, factor, size.width),
        axes.score_axis(entries, path, size.height),
    )
    rows = [_datum(entry, path, key, factor, x, y, theme) for entry in entries]
    _write_labels(rows, x, y, size)
    title = f"{words.COST_TITLES[key].split(' (')[0]}, {unit_name}{' (log scale)' if x.log else ''}"
    return {
        "width": size.width,
        "height": size.height,
        "data": {"values": rows},
        "encoding": {
            "x": {
                "field": "cost",
                "type": "quantitative",
                "scale": x.scale(),
                "axis": {"title": title, "values": axes.ticks(x), "format": "~g", "grid": False},
            },
            "y": {
                "field": "score",
                "type": "quantitative",
                "scale": y.scale(),
                "axis": {"title": words.measure_title(path), "tickCount": 6, "format": ".2f"},
            },
        },
        "layer": [*_chance(x, y, theme), _front_line(rows, theme), *_marks(theme)],
    }


def framed(spec: dict[str, Any], theme: Theme) -> dict[str, Any]:
    """A specification that stands alone: schema, fonts and colours."""
    text = {"labelColor": theme.quiet, "titleColor": theme.quiet, "titleFontWeight": "normal"}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": None,
        "padding": 6,
        **spec,
        "config": {
            "aria": False,  # the page holds the text alternative
            "font": _FONT,
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


def svg(spec: dict[str, Any], theme: Theme) -> str:
    """The drawing as SVG text; offline, nothing is fetched."""
    import vl_convert  # 0.5 s and 30 MB: only when something is drawn

    text: str = vl_convert.vegalite_to_svg(framed(spec, theme), allowed_base_urls=[])
    return text


def report_svg(view: View) -> str:
    """All panels in one picture, on a light ground, to stand beside the Markdown."""
    key = view.cost_key
    if key is None or not view.panels:
        return ""
    charts = [
        {**pareto_spec(panel, path, key, LIGHT, WIDE), "title": f"{view.suite}: {panel.title}"}
        for panel in view.panels
        for path in charted(panel)
    ]
    columns = max(len(charted(panel)) for panel in view.panels)
    grid = {
        "concat": charts,
        "columns": columns,
        "spacing": 36,
        "background": LIGHT.paper,
        "resolve": {"scale": {"x": "independent", "y": "independent"}},
    }
    return svg({**grid, "padding": 16}, LIGHT)


def charted(panel: Panel) -> list[Path]:
    """The measures that get a picture: development AUC and up to two external AUCs."""
    scores = [path for path in panel.measures if path[-1] == "auc"]
    external = [path for path in scores if path[0] == "external"]
    return [path for path in scores if path[0] == "development"] + external[:2]


def alternative(panel: Panel, path: Path, key: str) -> str:
    """The chart in words, for whoever does not see it."""
    points = [
        f"{entry.name}: {words.score(entry.metrics[path])} for {words.cost(key, entry.costs[key])}"
        f"{', on the front' if entry.on_front else ''}"
        for entry in drawn(panel, path, key)
    ]
    noun = words.COST_NOUNS[key]
    return f"{words.measure_title(path)} against {noun}, {panel.title}. {'; '.join(points)}."


def _datum(
    entry: Entry, path: Path, key: str, factor: float, x: Axis, y: Axis, theme: Theme
) -> dict[str, Any]:
    estimate = entry.metrics[path]
    mean, low, high = (x.clip(v / factor) for v in axes.cost_bounds(entry, key))
    return {
        "name": _shortened(entry.name),
        "cost": mean,
        "cost_low": low,
        "cost_high": high,
        "score": estimate.mean,
        "score_low": y.clip(estimate.mean if estimate.low is None else estimate.low),
        "score_high": y.clip(estimate.mean if estimate.high is None else estimate.high),
        "front": entry.on_front and path[0] == "development",
        "colour": colour(theme, entry.mark),
        "fill": colour(theme, entry.mark) if entry.on_front else theme.paper,
        "shape": shape(entry.mark),
    }


def _shortened(name: str) -> str:
    """A name that fits beside a point; the table has all of it."""
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def _write_labels(rows: list[dict[str, Any]], x: Axis, y: Axis, size: Size) -> None:
    """Adds where each name stands, in data units, so that it moves with the scales."""

    def pixel(cost: float, score: float) -> tuple[float, float]:
        return x.to_pixel(cost), size.height - y.to_pixel(score)

    points = [pixel(row["cost"], row["score"]) for row in rows]
    widths = [_LETTER * len(row["name"]) for row in rows]
    strokes = [labels.stroke(pixel(*start), pixel(*end)) for start, end in _strokes(rows)]
    centres = labels.place(points, widths, (size.width, size.height), _LABEL, strokes)
    for row, point, centre, width in zip(rows, points, centres, widths, strict=True):
        end = labels.leader_end(centre, width, _LABEL, point)
        row["label_cost"], row["label_score"] = _value(centre, x, y, size)
        row["end_cost"], row["end_score"] = _value(end, x, y, size)
        row["far"] = math.dist(end, point) > 16


def _strokes(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[Point, Point]]:
    """The lines a name should not lie on: intervals and the steps of the front."""
    for row in rows:
        yield (row["cost"], row["score_low"]), (row["cost"], row["score_high"])
    for here, there in pairwise(row for row in rows if row["front"]):
        corner = (there["cost"], here["score"])
        yield (here["cost"], here["score"]), corner
        yield corner, (there["cost"], there["score"])


def _value(at: tuple[float, float], x: Axis, y: Axis, size: Size) -> tuple[float, float]:
    return x.to_value(at[0]), y.to_value(size.height - at[1])


def _chance(x: Axis, y: Axis, theme: Theme) -> list[dict[str, Any]]:
    """The line of a coin, where the picture reaches down to it."""
    if not y.low <= CHANCE <= y.high:
        return []
    data = {"values": [{"cost": x.low, "end": x.high, "score": CHANCE}]}
    rule = {"type": "rule", "strokeDash": [2, 4], "color": theme.quiet}
    text = {"type": "text", "text": "chance", "align": "left", "dx": 4, "dy": 9, "fontSize": 11}
    return [
        {"data": data, "mark": rule, "encoding": {"x2": {"field": "end"}}},
        {"data": data, "mark": {**text, "color": theme.quiet}},
    ]


def _front_line(rows: Sequence[dict[str, Any]], theme: Theme) -> dict[str, Any]:
    return {
        "data": {"values": [row for row in rows if row["front"]]},
        "mark": {
            "type": "line",
            "interpolate": "step-after",
            "color": theme.accent,
            "strokeWidth": 1.5,
            "opacity": 0.55,
        },
    }


def _marks(theme: Theme) -> list[dict[str, Any]]:
    """Intervals, points, leader lines and names."""

    def raw(field: str) -> dict[str, Any]:
        return {"field": field, "type": "nominal", "scale": None}

    bar = {"type": "rule", "strokeWidth": 1.5, "opacity": 0.45}
    return [
        {
            "mark": bar,
            "encoding": {
                "y": {"field": "score_low", "type": "quantitative"},
                "y2": {"field": "score_high"},
                "color": raw("colour"),
            },
        },
        {
            "mark": bar,
            "encoding": {
                "x": {"field": "cost_low", "type": "quantitative"},
                "x2": {"field": "cost_high"},
                "color": raw("colour"),
            },
        },
        {
            "transform": [{"filter": "datum.far"}],
            "mark": {"type": "rule", "strokeWidth": 0.8, "color": theme.quiet, "opacity": 0.7},
            "encoding": {"x2": {"field": "end_cost"}, "y2": {"field": "end_score"}},
        },
        {
            "mark": {"type": "point", "size": 80, "strokeWidth": 1.8, "opacity": 1},
            "encoding": {
                "stroke": raw("colour"),
                "fill": raw("fill"),
                "shape": raw("shape"),
            },
        },
        {
            "mark": {"type": "text", "fontSize": 12, "baseline": "middle", "color": theme.ink},
            "encoding": {
                "x": {"field": "label_cost", "type": "quantitative"},
                "y": {"field": "label_score", "type": "quantitative"},
                "text": {"field": "name", "type": "nominal"},
            },
        },
    ]
