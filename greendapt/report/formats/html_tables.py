"""The tables of the page: cells with what is read, what sorts, and what a grid intensity scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from greendapt.core.units import percent
from greendapt.report import words
from greendapt.report.charts.theme import CSS, colour, shape
from greendapt.report.view import spending
from greendapt.report.view.model import COST_KEYS, Entry, Offer, Panel, Path, RoleCost, Step
from greendapt.report.view.sentences import Amount, joined

_STEPS = 40  # lines of the stage by stage table; the rest is one line
_SHADES = 6


@dataclass(frozen=True)
class Cell:
    """``value`` sorts; ``grams`` is what a grid intensity scales, all but ``fixed`` of it."""

    text: str
    small: str = ""
    value: float | None = None
    grams: float | None = None
    fixed: float = 0.0


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
    scores, noun = panel.scores, words.noun([panel])
    return {
        "score": noun,
        "scores": [words.measure_title(path).removesuffix(f" {noun}") for path in scores],
        "costs": [words.cost_title(k) for k in COST_KEYS],
        "rows": [_row(entry, scores, key, panel.verdict.buy) for entry in panel.entries],
    }


def _row(entry: Entry, scores: Sequence[Path], key: str | None, buy: str) -> dict[str, Any]:
    full = entry.against_full
    gap = full.score if full else None
    ratio = full.ratios.get(key) if full and key else None
    chance = entry.standing.probability
    energy = entry.costs["energy_j"].estimate
    cells = [_score(entry, path) for path in scores]
    cells += [
        Cell(words.against(ratio) if full and key else "", value=ratio.mean if ratio else None),
        Cell(words.signed(gap.mean), words.bounds(gap), gap.mean) if gap else Cell(""),
        Cell(
            words.standing(entry.standing),
            value=entry.standing.on_front if chance is None else chance,
        ),
        *(_cost(entry, k) for k in COST_KEYS),
    ]
    return {
        "name": entry.name,
        "about": entry.about,
        "bought": entry.name == buy,
        "on_front": entry.standing.on_front,
        "shape": shape(entry.mark),
        "colour": colour(CSS, entry.mark),
        "cells": cells,
        "energy_j": None if energy is None else energy.mean,
    }


def _score(entry: Entry, path: Path) -> Cell:
    estimate = entry.metrics.get(path)
    if estimate is None:
        return Cell(words.MISSING)
    mark = " p" if estimate.basis == "patients" else ""
    bounds = words.interval(estimate.low, estimate.high) + mark
    return Cell(words.number(estimate.mean), bounds, estimate.mean)


def _cost(entry: Entry, key: str) -> Cell:
    cost = entry.costs[key]
    if cost.estimate is None:
        return Cell(words.MISSING)
    value = cost.estimate.mean
    text, spread = words.cost(cost), words.cost_spread(cost)
    if cost.unit != "g" and not cost.unit.startswith("g/"):
        return Cell(text, spread, value)
    return Cell(text, spread, value, value, value * _fixed_share(entry, key))


def _fixed_share(entry: Entry, key: str) -> float:
    """The part of a figure in grams that the grid has no say in: the hardware's making."""
    if "embodied" in key:
        return 1.0
    cost = entry.costs[key]
    made = next((c.estimate for k, c in entry.costs.items() if "embodied" in k), None)
    used = entry.costs["carbon_g"].estimate
    if cost.unit == "g" or made is None or used is None or "without embodied" in cost.source:
        return 0.0
    total = used.mean + made.mean
    return made.mean / total if total > 0 else 0.0


def more(panel: Panel) -> dict[str, Any]:
    """The second table: other scores, every other figure, the comparison with no DAPT."""
    paths = [path for path in panel.measures if path not in panel.scores]
    keys = [key for key in panel.figures if key not in COST_KEYS]
    gaps = [entry.against_none for entry in panel.entries]
    titles = [words.measure_title(path) for path in paths]
    return {
        "titles": [
            *titles,
            *(words.cost_title(key) for key in keys),
            f"{words.noun([panel])} against none",
        ],
        "rows": [
            {
                "name": entry.name,
                "cells": [
                    *(_score(entry, path) for path in paths),
                    *(_cost(entry, key) for key in keys),
                    Cell(words.difference(none.score) if none else ""),
                ],
            }
            for entry, none in zip(panel.entries, gaps, strict=True)
        ],
    }


def offers(panel: Panel) -> dict[str, Any]:
    """What an energy buys, and what a quality costs."""
    return {
        "budgets": [_offer(o, words.amount("energy_j", o.limit)) for o in panel.budgets],
        "targets": [
            _offer(o, f"{words.noun([panel])} {words.number(o.limit)}") for o in panel.targets
        ],
    }


def _offer(offer: Offer, limit: str) -> dict[str, str]:
    return {
        "limit": limit,
        "name": offer.name,
        "score": words.score(offer.score),
        "energy": words.amount("energy_j", offer.energy_j),
    }


def robustness(panel: Panel) -> dict[str, Any] | None:
    """Scores by corruption and severity, shaded by how far below the clean test images."""
    found = panel.robustness
    if found is None:
        return None
    kinds: dict[str, list[str]] = {}
    for kind, severity in found.conditions:
        kinds.setdefault(kind, []).append(severity)
    clean = {entry.name: entry.score for entry in panel.entries}
    rows = []
    for name, estimates in found.rows.items():
        base = clean[name]
        cells: list[tuple[Cell, int]] = [(Cell(words.MISSING), 0)]
        if base is not None:
            cells = [(Cell(words.number(base.mean), value=base.mean), 0)]
        for estimate in estimates:
            if estimate is None:
                cells.append((Cell(words.MISSING), 0))
                continue
            drop = base.mean - estimate.mean if base else 0.0
            shade = min(_SHADES - 1, max(0, round(drop / 0.05)))
            bounds = words.interval(estimate.low, estimate.high, 2)
            cells.append((Cell(words.number(estimate.mean), bounds, estimate.mean), shade))
        rows.append({"name": name, "cells": cells})
    return {"kinds": kinds, "rows": rows}


def role(found: RoleCost) -> dict[str, Any]:
    return {
        "title": found.title,
        "stages": found.stages,
        "cells": _spent(found),
        "share": found.share,
        "percent": "" if found.share is None else percent(found.share),
    }


def steps(found: Sequence[Step]) -> dict[str, Any]:
    """Stage by stage: the greatest first, what is left in one sentence."""
    rest = found[_STEPS:]
    energy = sum(step.values["energy_j"] or 0.0 for step in rest)
    said = f"and {len(rest)} smaller kinds of stage, {words.amount('energy_j', energy)} together"
    rows = [
        {
            "label": step.label,
            "role": step.role,
            "stages": step.stages,
            "strategies": step.strategies,
            "cells": _spent(step),
        }
        for step in found[:_STEPS]
    ]
    return {"rows": rows, "rest": said if rest else ""}


def _spent(found: RoleCost | Step) -> list[Cell]:
    cells = []
    for key in spending.KEYS:
        value = found.values[key]
        grams = value if key == "carbon_g" else None
        cells.append(Cell(spending.spent_text(found, key), value=value, grams=grams))
    return cells
