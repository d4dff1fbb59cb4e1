"""The tables of the page: cells with what is read, what sorts, and what a grid intensity scales."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from markupsafe import Markup

from greendapt.core.units import percent
from greendapt.report import words
from greendapt.report.charts import axes, drawing
from greendapt.report.charts.theme import CSS, colour, shape
from greendapt.report.view import columns, spending
from greendapt.report.view.columns import Cell, Column, Place
from greendapt.report.view.model import (
    Entry,
    Estimate,
    Offer,
    Panel,
    RoleCost,
    StageCost,
    headline,
)
from greendapt.report.view.sentences import Amount, joined

_STEPS = 40  # lines of the stage by stage table; the rest is one line
_SHADES = 6


def marked(sentences: str | Sequence[str]) -> Markup:
    """Text with each mass in it in an element that holds its grams."""
    text = joined([sentences] if isinstance(sentences, str) else sentences)
    return Markup().join(map(_span, text.spans))


def _span(span: str | Amount) -> str:
    if isinstance(span, str) or span.unit != "g":
        return span if isinstance(span, str) else span.text
    element = Markup('<span class="g" data-g="{}" data-fixed="0">{}</span>')
    return element.format(f"{span.value:.9g}", span.text)


def comparison(panel: Panel, key: str | None) -> dict[str, Any]:
    """The main table: scores, the comparison with full DAPT, the front, costs."""
    shown = columns.columns(panel, key, Place.PAGE)
    noun = columns.score_noun([panel])
    headings = {"score": noun, "against": "Against full", "cost": "Cost: adaptation + transfer"}
    numbered = list(enumerate(shown, start=1))
    return {
        "score": noun,
        "width": len(shown),
        "groups": [
            (headings.get(group), [(number, one.titles[Place.PAGE]) for number, one in members])
            for group, members in groupby(numbered, key=lambda at: at[1].group)
        ],
        "rows": [_row(entry, shown, panel.verdict.buy) for entry in panel.entries],
    }


def _row(entry: Entry, shown: Sequence[Column], buy: str) -> dict[str, Any]:
    energy = entry.costs["energy_j"].estimate
    return {
        "name": entry.name,
        "about": entry.about,
        "bought": entry.name == buy,
        "on_front": entry.standing.on_front,
        "shape": shape(entry.mark),
        "colour": colour(CSS, entry.mark),
        "cells": [column.cell(entry) for column in shown],
        "energy_j": None if energy is None else energy.mean,
        "said": f"{words.number(entry.score.mean)} for {words.cost(entry.costs['energy_j'])}"
        if entry.score
        else "",
        "point": drawing.shortened(entry.name),
        "score": entry.score.mean if entry.score else None,
    }


def more(panel: Panel, key: str | None) -> dict[str, Any]:
    """The second table: other scores, every other figure, the comparison with no DAPT."""
    shown = columns.columns(panel, key, Place.MORE)
    return {
        "titles": [column.titles[Place.MORE] for column in shown],
        "rows": [
            {"name": entry.name, "cells": [column.cell(entry) for column in shown]}
            for entry in panel.entries
        ],
    }


def diagrams(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """What the page draws of each strategy: a row of boxes a phase, filled where it trains."""
    entries = {entry.name: entry for panel in panels for entry in panel.entries}
    return [
        {
            "name": entry.name,
            "colour": colour(CSS, entry.mark),
            "whole": entry.layers.whole,
            "units": entry.layers.units,
            "phases": entry.layers.phases,
            "said": "; then ".join(phase.words for phase in entry.layers.phases) or "nothing",
        }
        for entry in entries.values()
        if entry.layers is not None
    ]


def limits(panel: Panel) -> dict[str, Any] | None:
    """From where to where a reader's budget and wanted score can be set, and what a unit of the
    budget is; None where strategies with a score and an energy are fewer than two."""
    entries = [entry for entry in panel.entries if entry.score is not None]
    energies = [e.mean for entry in entries if (e := entry.costs["energy_j"].estimate)]
    if len(energies) < 2 or min(energies) <= 0:
        return None
    scores = [entry.score.mean for entry in entries if entry.score is not None]
    size, unit = axes.unit("energy_j", [max(energies)])
    return {
        "unit": unit,
        "joules": size,
        "energy": (min(energies), max(energies)),
        "score": (min(scores), max(scores)),
        "noun": columns.score_noun([panel]),
        "measure": panel.scores.index(panel.path),
    }


def offers(panel: Panel) -> dict[str, Any]:
    """What an energy buys, and what a quality costs."""
    return {
        "budgets": [_offer(o, words.amount("energy_j", o.limit)) for o in panel.budgets],
        "targets": [
            _offer(o, f"{columns.score_noun([panel])} {words.number(o.limit)}")
            for o in panel.targets
        ],
    }


def _offer(offer: Offer, limit: str) -> dict[str, str]:
    return {
        "limit": limit,
        "name": offer.name,
        "score": words.score(offer.score),
        "energy": words.cost(offer.cost),
    }


def robustness(panel: Panel) -> dict[str, Any] | None:
    """Scores by corruption and severity, shaded by how far below the clean test images."""
    scores = panel.robustness
    if scores is None:
        return None
    kinds: dict[str, list[str]] = {}
    for kind, severity in scores.conditions:
        kinds.setdefault(kind, []).append(severity)
    clean = {e.name: e.metrics.get(headline(e.metrics)) for e in panel.entries}
    rows = [
        {
            "name": name,
            "cells": [_shaded(one, clean[name]) for one in (clean[name], *estimates)],
        }
        for name, estimates in scores.rows.items()
    ]
    return {"kinds": kinds, "rows": rows}


def _shaded(estimate: Estimate | None, clean: Estimate | None) -> tuple[Cell, int]:
    """A score and its shade; clean images have no interval here."""
    if estimate is None:
        return Cell(words.MISSING), 0
    drop = clean.mean - estimate.mean if clean else 0.0
    bounds = "" if estimate is clean else words.interval(estimate.low, estimate.high, 2)
    shade = min(_SHADES - 1, max(0, round(drop / 0.05)))
    return Cell(words.number(estimate.mean), bounds, estimate.mean), shade


def role_line(cost: RoleCost) -> dict[str, Any]:
    return {
        "title": cost.title,
        "stages": cost.stages,
        "cells": _spent(cost),
        "share": cost.share,
        "percent": "" if cost.share is None else percent(cost.share),
    }


def stages(costs: Sequence[StageCost]) -> dict[str, Any]:
    """Stage by stage: the greatest first, what is left in one sentence."""
    rest = costs[_STEPS:]
    energy = sum(step.values["energy_j"] or 0.0 for step in rest)
    remainder = (
        f"and {len(rest)} smaller kinds of stage, {words.amount('energy_j', energy)} together"
    )
    rows = [
        {
            "label": step.label,
            "role": step.role,
            "stages": step.stages,
            "strategies": step.strategies,
            "cells": _spent(step),
        }
        for step in costs[:_STEPS]
    ]
    return {"rows": rows, "rest": remainder if rest else ""}


def _spent(cost: RoleCost | StageCost) -> list[Cell]:
    cells = []
    for key in spending.KEYS:
        value = cost.values[key]
        grams = value if key == "carbon_g" else None
        cells.append(Cell(spending.spent_text(cost, key), value=value, grams=grams))
    return cells
