"""Each cell over time: published runs of the same thing, drawn one beside the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from greendapt.report.charts.drawing import Size, open_marks, raw
from greendapt.report.charts.theme import Theme, colour, shape
from greendapt.report.published import Published
from greendapt.report.view import columns

_SIZE = Size(470, 240)
_SCORE = "development score"


def rows(runs: Sequence[Published], setting: str) -> list[dict[str, Any]]:
    """The points of ``setting`` in runs of one series, oldest first."""
    return [
        {"run": run.name, **point.model_dump()}
        for run in runs
        for point in run.points
        if point.setting == setting
    ]


def machine_changes(runs: Sequence[Published]) -> list[Published]:
    """The runs whose machine or software differs from the run before."""
    return [there for here, there in pairwise(runs) if here.fingerprint != there.fingerprint]


def trend_spec(runs: Sequence[Published], setting: str, field: str, theme: Theme) -> dict[str, Any]:
    """Vega-Lite: ``field`` (auc or cost) of each strategy by run; a rule where machines change."""
    title = (
        _SCORE if field == "auc" else f"{columns.called(runs[-1].cost).noun}, relative to the first"
    )
    order = [run.name for run in runs]
    axis = {"title": None, "labelAngle": -30}
    x = {"field": "run", "type": "ordinal", "sort": order, "axis": axis}
    y = {
        "field": "value",
        "type": "quantitative",
        "scale": {"zero": False},
        "axis": {"title": title, "tickCount": 5},
    }
    lines = {
        "mark": {"type": "line", "strokeWidth": 1.5},
        "encoding": {"color": raw("colour"), "detail": {"field": "name"}},
    }
    rule = {"type": "rule", "strokeDash": [4, 3], "color": theme.quiet}
    changed = [{"run": run.name} for run in machine_changes(runs)]
    return {
        "width": _SIZE.width,
        "height": _SIZE.height,
        "layer": [
            {"data": {"values": changed}, "mark": rule, "encoding": {"x": x}},
            {
                "data": {"values": _values(rows(runs, setting), field, theme)},
                "encoding": {"x": x, "y": y},
                "layer": [lines, open_marks(theme)],
            },
        ],
    }


def _values(points: Sequence[dict[str, Any]], field: str, theme: Theme) -> list[dict[str, Any]]:
    """The score as it is; a cost over the first known one of its strategy: all fit one axis."""
    first: dict[str, float] = {}
    values = []
    for row in points:
        value = row[field]
        if value is None or (field == "cost" and value <= 0):
            continue
        if field == "cost":
            value /= first.setdefault(row["strategy"], value)
        tint = {"colour": colour(theme, row["mark"]), "shape": shape(row["mark"])}
        values.append({"run": row["run"], "name": row["strategy"], "value": value, **tint})
    return values
