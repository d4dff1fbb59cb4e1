"""What the page's script needs to redraw the charts on other axes and recompute grams."""

from __future__ import annotations

from typing import Any

from greendapt.accounting import grid
from greendapt.core.errors import MeterError
from greendapt.core.units import JOULES_PER_KWH
from greendapt.report.charts import axes, drawing, pareto_chart
from greendapt.report.charts.pareto_chart import NARROW, WIDE
from greendapt.report.charts.theme import CSS
from greendapt.report.view.columns import measure_title
from greendapt.report.view.model import COST_KEYS, Panel, Path, View

SIZES = {"wide": WIDE, "narrow": NARROW}


def payload(view: View) -> dict[str, Any]:
    """Everything by panel, cost and score; colours are CSS variables, numbers have six digits."""
    return {
        "grid": {"intensity": view.intensity_g_per_kwh, "pue": view.pue},
        "countries": countries(),
        "units": {key: axes.UNITS[key] for key in ("carbon_g", "energy_j")}
        | {"joules_per_kwh": JOULES_PER_KWH},
        "charts": {
            name: drawing.framed(pareto_chart.template(CSS, size), CSS)
            for name, size in SIZES.items()
        },
        "panels": [_panel(panel) for panel in view.panels],
    }


def countries() -> list[tuple[str, str, float]]:
    """Code, name and g CO2e/kWh of each country the installed table knows; none without one."""
    try:
        names = grid.countries()
    except MeterError:
        return []
    grids = [
        (code, name, grams)
        for code, name in names.items()
        if (grams := grid.grid(code).intensity_g_per_kwh) is not None
    ]
    return sorted(grids, key=lambda one: one[1])


def choices(panel: Panel) -> tuple[list[str], list[Path]]:
    """The costs and scores there is anything to draw of."""
    keys = [k for k in COST_KEYS if any(e.costs[k].estimate is not None for e in panel.entries)]
    return keys, panel.scores


def _panel(panel: Panel) -> dict[str, Any]:
    keys, paths = choices(panel)
    return {
        f"{key} {number}": {name: _picture(panel, path, key, name) for name in SIZES}
        for key in keys
        for number, path in enumerate(paths)
    }


def _picture(panel: Panel, path: Path, key: str, size: str) -> dict[str, Any]:
    x, y, unit = pareto_chart.pareto_axes(panel, path, key, SIZES[size])
    rows = pareto_chart.pareto_rows(panel, path, key, CSS, SIZES[size])
    columns = {field: [_rounded(row[field]) for row in rows] for field in (rows[0] if rows else ())}
    return {
        "x": {**x.scale(), "title": pareto_chart.cost_title(key, unit, x)},
        "y": {**y.scale(), "title": measure_title(path)},
        "ticks": axes.ticks(x),
        "chance": pareto_chart.chance(path, y),
        "unit": unit,
        "rows": columns,
    }


def _rounded(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value
