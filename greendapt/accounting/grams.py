"""Adds grams to figures in joules and seconds: of a record, of a sum of them, of a whole summary.

A record has no grams. A summary has those of its run's grid, and is moved to another one here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from greendapt.accounting.grid import Grid, carbon_intensity_score
from greendapt.core.figures import UNKNOWN, Figure
from greendapt.core.records import COST_UNITS, Record, Row, Summary
from greendapt.suite.models import Suite
from greendapt.suite.references import no_dapt

_FORMULA = "energy_green_algorithms_j"
_PUE = re.compile(r", PUE [\d.]+")


def with_grams(figures: Mapping[str, Figure], grid: Grid) -> dict[str, Figure]:
    """``figures`` (of `core.records.METERED_UNITS`) with ``carbon_g`` and ``embodied_g``.

    The Green Algorithms formula, which knows a building, gets the grid's PUE.
    """
    energy = figures.get("energy_j") or Figure.unavailable("J", UNKNOWN)
    wall_s = figures.get("wall_s") or Figure.unavailable("s", UNKNOWN)
    formula = figures.get(_FORMULA)
    building = {} if formula is None else {_FORMULA: _housed(formula, grid.pue)}
    return {
        **figures,
        **building,
        "carbon_g": grid.carbon(energy),
        "embodied_g": grid.embodied(wall_s),
    }


def _housed(formula: Figure, pue: float) -> Figure:
    source = _PUE.sub(f", PUE {pue:g}", formula.source)
    return formula.scaled(pue, "J").model_copy(update={"source": source})


def record_with_grams(record: Record, grid: Grid) -> Record:
    """Unchanged where it has no figures, as a failed one."""
    if not record.figures:
        return record
    return record.model_copy(update={"figures": with_grams(record.figures, grid)})


def with_scores(rows: Sequence[Row], suite: Suite) -> list[Row]:
    """``rows`` with their Software Carbon Intensity by image trained on, and by point gained."""
    plain = no_dapt(suite, list(dict.fromkeys(row.strategy for row in rows)))
    start = {_beside(row): row.score for row in rows if row.strategy == plain}
    scored = []
    for row in rows:
        update = {"sci_image_g": _sci(row, row.counts.get("samples", 0), "image")}
        if "auc" in row.metrics.get("development", {}):
            reached, before = row.score, start.get(_beside(row))
            gain = 0.0 if reached is None or before is None else 100 * (reached - before)
            update["sci_auc_point_g"] = _sci(row, gain, "AUC point")
        scored.append(row.model_copy(update=update))
    return scored


def _beside(row: Row) -> tuple[str, int, str, str]:
    """What two rows share that only differ by strategy."""
    return row.backbone, row.seed, row.transfer, str(row.shots)


def _sci(row: Row, units: float, unit: str) -> Figure:
    return carbon_intensity_score(row.carbon_g, row.embodied_g, units, unit)


def summary_on(summary: Summary, suite: Suite, grid: Grid, pue: float) -> Summary:
    """``summary`` with the grams of ``grid``; ``pue``: of the grid that it was written for."""

    def moved(figures: Mapping[str, Figure]) -> dict[str, Figure]:
        return with_grams(_bare(figures, pue), grid) if figures else {}

    rows = []
    for row in summary.rows:
        parts = {role: moved(figures) for role, figures in row.parts.items()}
        rows.append(row.model_copy(update={**moved(_costs(row)), "parts": parts}))
    update = {"sunk": moved(summary.sunk), "spent": moved(summary.spent)}
    return summary.model_copy(update={"rows": with_scores(rows, suite), **update})


def _costs(row: Row) -> dict[str, Figure]:
    costs = {name: getattr(row, name) for name in COST_UNITS if name in Row.model_fields}
    return {name: figure for name, figure in costs.items() if figure is not None}


def _bare(figures: Mapping[str, Figure], pue: float) -> dict[str, Figure]:
    """As the meter gave them: the formula without the building."""
    bare = {name: one for name, one in figures.items() if name not in ("carbon_g", "embodied_g")}
    if _FORMULA in bare:
        bare[_FORMULA] = bare[_FORMULA].scaled(1 / pue, "J")
    return bare
