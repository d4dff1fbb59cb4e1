"""The report as one HTML file: opens offline, asks for nothing, light and dark, prints."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from greendapt.report import chart, spending, words
from greendapt.report.markdown import front
from greendapt.report.model import COST_KEYS, DEVELOPMENT, Entry, Panel, Path, View
from greendapt.report.theme import CSS, DARK, LIGHT, Theme, colour, shape, variables

_BLANK = re.compile(r'<path class="(?:background|foreground)"[^>]*d="(?:M0,0h0v0h0Z)?"[^>]*/>')
_ARIA = re.compile(r' (?:aria-[a-z]+|role)="[^"]*"')


def render_html(view: View) -> str:
    """The whole page as text."""
    page = _environment().get_template("report.html.j2")
    return page.render(
        view=view,
        light=_css(LIGHT),
        dark=_css(DARK),
        panels=[_panel(panel, view) for panel in view.panels],
        spending=[_role(role) for role in view.spending],
        spending_titles=[spending.TITLES[key] for key in spending.KEYS],
        cost_noun=words.COST_NOUNS[view.cost_key] if view.cost_key else "",
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("greendapt.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _css(theme: Theme) -> Markup:
    return Markup("".join(f"{name}:{value};" for name, value in variables(theme).items()))


def _panel(panel: Panel, view: View) -> dict[str, Any]:
    scores = [path for path in panel.measures if path[-1] == "auc"]
    return {
        "title": panel.title,
        "verdict": panel.verdict,
        "charts": [_chart(panel, path, view.cost_key) for path in chart.charted(panel)]
        if view.cost_key
        else [],
        "scores": [words.measure_title(path).removesuffix(" AUC") for path in scores],
        "costs": [words.COST_TITLES[key] for key in COST_KEYS],
        "rows": [_row(entry, scores, view.cost_key, panel.verdict.buy) for entry in panel.entries],
        "more": _more(panel),
    }


def _chart(panel: Panel, path: Path, key: str) -> dict[str, Any]:
    title = words.measure_title(path)
    return {
        "title": title,
        "alt": chart.alternative(panel, path, key),
        "wide": _drawing(panel, path, key, chart.WIDE),
        "narrow": _drawing(panel, path, key, chart.NARROW),
    }


def _drawing(panel: Panel, path: Path, key: str, size: chart.Size) -> Markup:
    """The SVG without what the page says itself. Vega escapes the names inside."""
    text = chart.svg(chart.pareto_spec(panel, path, key, CSS, size), CSS)
    return Markup(_ARIA.sub("", _BLANK.sub("", text)))


def _row(entry: Entry, scores: list[Path], key: str | None, buy: str) -> dict[str, Any]:
    full = entry.against_full
    gap = full.metrics.get(DEVELOPMENT) if full else None
    return {
        "name": entry.name,
        "about": entry.about,
        "bought": entry.name == buy,
        "on_front": entry.on_front,
        "shape": shape(entry.mark),
        "colour": colour(CSS, entry.mark),
        "scores": [_score(entry, path) for path in scores],
        "costs": [
            (words.cost(k, entry.costs[k]), words.cost_spread(entry.costs[k])) for k in COST_KEYS
        ],
        "ratio": words.against(full.ratios.get(key)) if full and key else "",
        "gap": (words.signed(gap.mean), words.bounds(gap)) if gap else ("", ""),
        "front": front(entry),
        "seeds": len(entry.seeds),
    }


def _score(entry: Entry, path: Path) -> tuple[str, str]:
    estimate = entry.metrics.get(path)
    if estimate is None:
        return words.MISSING, ""
    mark = " p" if estimate.basis == "patients" else ""
    return words.number(estimate.mean), words.interval(estimate.low, estimate.high) + mark


def _more(panel: Panel) -> dict[str, Any]:
    """The second table: other scores, memory, and the comparison with no DAPT."""
    paths = [path for path in panel.measures if path[-1] != "auc"]
    return {
        "scores": [words.measure_title(path) for path in paths],
        "rows": [
            {
                "name": entry.name,
                "scores": [words.score(entry.metrics.get(path)) for path in paths],
                "memory": words.cost("peak_memory_bytes", entry.costs["peak_memory_bytes"]),
                "gap": _against_none(entry),
            }
            for entry in panel.entries
        ],
    }


def _against_none(entry: Entry) -> str:
    none = entry.against_none
    return words.difference(none.metrics.get(DEVELOPMENT)) if none else ""


def _role(role: Any) -> dict[str, Any]:
    return {
        "title": role.title,
        "stages": role.stages,
        "amounts": [spending.spent_text(role, key) for key in spending.KEYS],
        "share": role.share,
        "percent": "" if role.share is None else words.percent(role.share),
    }
