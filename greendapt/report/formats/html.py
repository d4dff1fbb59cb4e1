"""The report as one HTML file: opens offline, asks for nothing, light and dark, prints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from greendapt.report.charts import diagrams, drawing, learning_curves, pareto_chart
from greendapt.report.charts.drawing import Size
from greendapt.report.charts.theme import CSS, DARK, LIGHT, Theme, colour, shape, variables
from greendapt.report.formats import html_tables, interactive, page_script, terms
from greendapt.report.formats.cells import as_csv, cells
from greendapt.report.formats.table import text
from greendapt.report.view import bill_text, columns, planned, spending
from greendapt.report.view.model import Diagram, Learning, Panel, Path, View

_BLANK = re.compile(r'<path class="(?:background|foreground)"[^>]*d="(?:M0,0h0v0h0Z)?"[^>]*/>')
_ARIA = re.compile(r' (?:aria-[a-z]+|role)="[^"]*"')
_CURVES = {"wide": Size(760, 340), "narrow": pareto_chart.NARROW}


def render_html(view: View, cells_csv: str = "") -> str:
    """The whole page as text; ``cells_csv`` for whoever wants the cells as a file."""
    payload = interactive.payload(view)
    scalable = bool(view.intensity_g_per_kwh) and view.pue > 0  # there is a grid to compare with
    content = {
        "view": view,
        "packed": page_script.pack(payload) if view.panels else None,
        "script": page_script.own(),
        "countries": payload["countries"] if scalable else [],
        "scalable": scalable,
        "marked": html_tables.marked,
        "panels": [_panel(panel, view, number) for number, panel in enumerate(view.panels)],
        "drawn": {section.key: [*map(_diagram, section.diagrams)] for section in view.sections},
        "learning": [_learning(one) for one in view.learning],
        "bill": {
            "short": bill_text.in_short(view.bill),
            "whole": bill_text.whole(view.bill),
            "settings": bill_text.by_setting(view.bill),
        },
        "spending": [html_tables.role_line(role) for role in view.spending],
        "stages": html_tables.stages(view.stage_costs),
        "spending_titles": [spending.TITLES[key] for key in spending.KEYS],
        "terms": terms.TERMS,
        "explained": terms.explained,
        "read_on": terms.READ_ON,
        "diagrams": html_tables.diagrams(view.panels),
        "cells_csv": quote(cells_csv),
        "suite_toml": quote(view.suite_toml),
        "believed": [
            ("What weakens it", [fact for fact in view.validity if fact.warn]),
            ("What was looked at and holds", [fact for fact in view.validity if not fact.warn]),
        ],
        "planned_titles": planned.HEADER,
        "planned": [planned.cells(row) for row in view.planned],
        "cost_noun": columns.called(view.cost_key).noun if view.cost_key else "",
    }
    return render("report.html.j2", content)


def render(template: str, content: Mapping[str, Any]) -> str:
    """A page from its template, with the style sheet and a policy that lets nothing else in."""
    style = _environment().get_template("style.css.j2").render(light=_css(LIGHT), dark=_css(DARK))
    policy = page_script.policy(style, scripts="script" in content)
    return (
        _environment().get_template(template).render(style=Markup(style), policy=policy, **content)
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("greendapt.report.formats", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _css(theme: Theme) -> Markup:
    return Markup("".join(f"{name}:{value};" for name, value in variables(theme).items()))


def _panel(panel: Panel, view: View, number: int) -> dict[str, Any]:
    keys, paths = interactive.choices(panel)
    drawn = number < pareto_chart.PICTURED
    return {
        "title": panel.title,
        "verdict": panel.verdict,
        "plain": panel.plain,
        "tiles": panel.tiles,
        "axes": [(key, columns.called(key).title) for key in keys],
        "measures": [columns.measure_title(path) for path in paths],
        "key": view.cost_key,
        "charts": [
            _chart(panel, path, view.cost_key, paths.index(path), drawn)
            for path in pareto_chart.charted(panel)[: None if drawn else 1]
        ]
        if view.cost_key
        else [],
        "table": html_tables.comparison(panel, view.cost_key),
        "more": html_tables.more(panel, view.cost_key),
        "limits": html_tables.limits(panel),
        "offers": html_tables.offers(panel),
        "robustness": html_tables.robustness(panel),
    }


def _chart(panel: Panel, path: Path, key: str, number: int, drawn: bool) -> dict[str, Any]:
    def picture(size: Size) -> Markup:
        return (
            inline_svg(pareto_chart.pareto_spec(panel, path, key, CSS, size)) if drawn else Markup()
        )

    return {
        "title": columns.measure_title(path),
        "number": number,
        "alt": pareto_chart.alternative(panel, path, key),
        "wide": picture(pareto_chart.WIDE),
        "narrow": picture(pareto_chart.NARROW),
    }


def _learning(learning: Learning) -> dict[str, Any]:
    drawings = {
        name: inline_svg(learning_curves.learning_spec(learning, CSS, size))
        for name, size in _CURVES.items()
    }
    return {"title": learning.title, "alt": learning_curves.alternative(learning), **drawings}


def _diagram(diagram: Diagram) -> dict[str, Any]:
    return {
        "title": diagram.title,
        "alt": diagrams.alternative(diagram),
        "names": [(line.name, shape(line.mark), colour(CSS, line.mark)) for line in diagram.lines],
        "guides": ", ".join(diagram.guides),
        "whole": inline_svg(diagrams.diagram_spec(diagram, CSS)),
    }


def inline_svg(spec: dict[str, Any]) -> Markup:
    """The SVG without what the page says itself. Vega escapes the names inside."""
    return Markup(_ARIA.sub("", _BLANK.sub("", drawing.svg(spec, CSS))))


FORMAT = text("report.html", lambda run, view: render_html(view, as_csv(cells(run))))
