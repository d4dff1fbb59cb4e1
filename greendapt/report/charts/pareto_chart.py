"""The chart, once: a Vega-Lite specification of the accuracy-versus-cost Pareto picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from greendapt.report import words
from greendapt.report.charts import axes, drawing, label_places
from greendapt.report.charts.axes import Axis, ticks
from greendapt.report.charts.drawing import Size
from greendapt.report.charts.label_places import Point
from greendapt.report.charts.theme import LIGHT, Theme, colour, shape
from greendapt.report.view import columns
from greendapt.report.view.chance import CHANCE
from greendapt.report.view.model import Entry, Panel, Path, View

WIDE = Size(470, 330)
NARROW = Size(285, 330)
PICTURED = 12
"""Settings whose pictures are drawn for readers without scripts: more make a page heavy."""
_IN_ONE_PICTURE = 4


def drawn(panel: Panel, path: Path, key: str) -> list[Entry]:
    """The entries a chart of ``path`` against ``key`` can show."""
    return [e for e in panel.entries if path in e.metrics and e.costs[key].estimate is not None]


def pareto_spec(panel: Panel, path: Path, key: str, theme: Theme, size: Size) -> dict[str, Any]:
    """Vega-Lite specification of ``path`` against ``key``, every strategy labelled directly."""
    x, y, unit_name = pareto_axes(panel, path, key, size)
    rows = pareto_rows(panel, path, key, theme, size)
    spec = template(theme, size)
    spec["data"]["values"] = rows
    spec["datasets"]["chance"] = chance(path, y)
    spec["encoding"]["x"] |= {"scale": x.scale()}
    spec["encoding"]["x"]["axis"] |= {"title": cost_title(key, unit_name, x), "values": ticks(x)}
    spec["encoding"]["y"] |= {"scale": y.scale()}
    spec["encoding"]["y"]["axis"] |= {"title": columns.measure_title(path)}
    return spec


def template(theme: Theme, size: Size) -> dict[str, Any]:
    """The chart without its data: `pareto_spec`, and the page's script, fill in both axes' scale
    and title, the ticks of x, the line of chance, and the rows; the script, what a reader asks of
    cost and score."""
    return {
        "width": size.width,
        "height": size.height,
        "data": {"values": []},
        "datasets": {"chance": [], "limit_cost": [], "limit_score": []},
        "encoding": {
            "x": {
                "field": "cost",
                "type": "quantitative",
                "axis": {"format": "~g", "grid": False},
            },
            "y": {
                "field": "score",
                "type": "quantitative",
                "axis": {"tickCount": 6, "format": ".2f"},
            },
        },
        "layer": [*_chance(theme), *_limits(theme), _front_line(theme), *_marks(theme)],
    }


def pareto_axes(panel: Panel, path: Path, key: str, size: Size) -> tuple[Axis, Axis, str]:
    """The axis of cost, in the unit that is named, and the axis of score."""
    entries = drawn(panel, path, key)
    factor, unit_name = axes.unit(key, [axes.cost_bounds(entry, key)[0] for entry in entries])
    x = axes.cost_axis(entries, key, factor, size.width)
    return x, axes.score_axis(entries, path, size.height), unit_name


def cost_title(key: str, unit_name: str, x: Axis) -> str:
    name = columns.called(key).short
    return f"{name}, {unit_name}{' (log scale)' if x.log else ''}"


def report_svg(view: View) -> str:
    """The first panels in one picture, on a light ground, to stand beside the Markdown."""
    key = view.cost_key
    if key is None or not view.panels:
        return ""
    charts = [
        {**pareto_spec(panel, path, key, LIGHT, WIDE), "title": f"{view.suite}: {panel.title}"}
        for panel in view.panels[:_IN_ONE_PICTURE]
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
    return drawing.svg({**grid, "padding": 16}, LIGHT)


def charted(panel: Panel) -> list[Path]:
    """The measures that get a picture: the score on development and on up to two external sets."""
    scores = panel.scores
    external = [path for path in scores if path[0] == "external"]
    return [path for path in scores if path[0] == "development"] + external[:2]


def alternative(panel: Panel, path: Path, key: str) -> str:
    """The chart in words, for whoever does not see it."""
    points = [
        f"{entry.name}: {words.score(entry.metrics[path])} for {words.cost(entry.costs[key])}"
        f"{', on the front' if entry.standing.on_front else ''}"
        for entry in drawn(panel, path, key)
    ]
    noun = columns.called(key).noun
    return f"{columns.measure_title(path)} against {noun}, {panel.title}. {'; '.join(points)}."


def pareto_rows(
    panel: Panel, path: Path, key: str, theme: Theme, size: Size
) -> list[dict[str, Any]]:
    """One row a strategy: values in the units of the axes, names where nothing covers them."""
    entries = drawn(panel, path, key)
    factor, _ = axes.unit(key, [axes.cost_bounds(entry, key)[0] for entry in entries])
    x, y, _ = pareto_axes(panel, path, key, size)
    standings = panel.standings[key, path]
    members = {e.name: s for e, s in zip(panel.entries, standings, strict=True)}
    rows = []
    for entry in entries:
        mean, low, high = (x.clip(v / factor) for v in axes.cost_bounds(entry, key))
        estimate, member = entry.metrics[path], members[entry.name]
        rows.append(
            {
                "name": drawing.shortened(entry.name),
                "cost": mean,
                "cost_low": low,
                "cost_high": high,
                "score": estimate.mean,
                "score_low": y.clip(estimate.mean if estimate.low is None else estimate.low),
                "score_high": y.clip(estimate.mean if estimate.high is None else estimate.high),
                "front": member.on_front,
                "colour": colour(theme, entry.mark),
                "fill": colour(theme, entry.mark) if member.on_front else theme.paper,
                "shape": shape(entry.mark),
                "cost_said": words.cost(entry.costs[key]),
                "score_said": words.score(estimate),
                "kept": 1.0,
                "front_said": words.standing(member),
            }
        )
    _write_labels(rows, x, y, size)
    return rows


def _write_labels(rows: list[dict[str, Any]], x: Axis, y: Axis, size: Size) -> None:
    """Adds where each name stands, in pixels, and where its leader line ends, in data units."""

    def pixel(cost: float, score: float) -> Point:
        return x.to_pixel(cost), size.height - y.to_pixel(score)

    points = [pixel(row["cost"], row["score"]) for row in rows]
    strokes = [label_places.stroke(pixel(*start), pixel(*end)) for start, end in _strokes(rows)]
    for row, spot in zip(rows, drawing.place_names(rows, points, size, strokes), strict=True):
        row |= drawing.label(spot, x, y, size)


def _strokes(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[Point, Point]]:
    """The lines a name should not lie on: intervals and the steps of the front."""
    for row in rows:
        yield (row["cost"], row["score_low"]), (row["cost"], row["score_high"])
        yield (row["cost_low"], row["score"]), (row["cost_high"], row["score"])
    for here, there in pairwise(row for row in rows if row["front"]):
        corner = (there["cost"], here["score"])
        yield (here["cost"], here["score"]), corner
        yield corner, (there["cost"], there["score"])


def chance(path: Path, y: Axis) -> list[dict[str, float]]:
    """The AUC of a coin, where the picture reaches down to it."""
    return [{"score": CHANCE}] if path[-1] == "auc" and y.low <= CHANCE <= y.high else []


def _chance(theme: Theme) -> list[dict[str, Any]]:
    rule = {"type": "rule", "strokeDash": [2, 4], "color": theme.quiet}
    text = {"type": "text", "text": "chance", "align": "left", "dy": 9, "fontSize": 11}
    data = {"data": {"name": "chance"}}
    return [
        {**data, "mark": rule, "encoding": {"x": {"value": 0}, "x2": {"value": "width"}}},
        {**data, "mark": {**text, "color": theme.quiet}, "encoding": {"x": {"value": 4}}},
    ]


def _limits(theme: Theme) -> list[dict[str, Any]]:
    rule = {"type": "rule", "strokeDash": [6, 3], "strokeWidth": 1.5, "color": theme.ink}
    across = {"x": {"value": 0}, "x2": {"value": "width"}}
    upright = {"y": {"value": 0}, "y2": {"value": "height"}}
    return [
        {"data": {"name": "limit_cost"}, "mark": rule, "encoding": upright},
        {"data": {"name": "limit_score"}, "mark": rule, "encoding": across},
    ]


def _front_line(theme: Theme) -> dict[str, Any]:
    return {
        "transform": [{"filter": "datum.front"}],
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
    bar = {"type": "rule", "strokeWidth": 1.5, "strokeOpacity": 0.45, "opacity": 1}
    tip = {"score_said": "score", "cost_said": "cost", "front_said": "on the front"}
    return [
        {
            "mark": bar,
            "encoding": {
                "y": {"field": "score_low", "type": "quantitative"},
                "y2": {"field": "score_high"},
                "color": drawing.raw("colour"),
                "opacity": drawing.KEPT,
            },
        },
        {
            "mark": bar,
            "encoding": {
                "x": {"field": "cost_low", "type": "quantitative"},
                "x2": {"field": "cost_high"},
                "color": drawing.raw("colour"),
                "opacity": drawing.KEPT,
            },
        },
        {
            "mark": {"type": "point", "size": 80, "strokeWidth": 1.8, "opacity": 1},
            "encoding": {
                "stroke": drawing.raw("colour"),
                "fill": drawing.raw("fill"),
                "shape": drawing.raw("shape"),
                "opacity": drawing.KEPT,
                "tooltip": [
                    {"field": "name", "title": "strategy"},
                    *({"field": field, "title": title} for field, title in tip.items()),
                ],
            },
        },
        *drawing.name_marks(theme, "cost", "score"),
    ]
