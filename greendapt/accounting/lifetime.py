"""What a network costs over its life: it is adapted and transferred once, and then used."""

from __future__ import annotations

from collections.abc import Mapping

from greendapt.accounting.grams import with_grams
from greendapt.accounting.grid import Grid, carbon_intensity_score
from greendapt.core.figures import Figure, add, added
from greendapt.core.records import PAID, Record, Row, Summary, UseDetails

USED = {"energy_j": "J", "wall_s": "s", "training_flops": "FLOP"}
"""What predictions add to; every other figure stays that of adaptation and transfer."""


def use_of(row: Row, records: Mapping[str, Record]) -> UseDetails | None:
    """What a prediction by the row's network takes; None where that was not measured."""
    if not any(row.parts.get(role) for role in PAID):
        return None
    details = (records[key].details for key in row.stages if key in records)
    return next((one for one in details if isinstance(one, UseDetails) and one.paces), None)


def image_costs(use: UseDetails) -> dict[str, Figure]:
    """Of one image at the cheapest batch."""
    pace = use.cheapest
    return {
        "energy_j": pace.energy_j,
        "wall_s": Figure.measured(pace.wall_s, "s", "monotonic clock"),
        "training_flops": Figure.measured(use.flops, "FLOP", "operators of one image"),
    }


def once(row: Row) -> dict[str, Figure]:
    """Adaptation and transfer alone."""
    return added([row.parts[role] for role in PAID if row.parts.get(role)], USED)


def summary_with_use(
    summary: Summary, records: Mapping[str, Record], predictions: int, grid: Grid
) -> Summary:
    """See `with_predictions`, row by row. ``records``: by key."""
    rows = [with_predictions(row, use_of(row, records), predictions, grid) for row in summary.rows]
    return summary.model_copy(update={"rows": rows})


def with_predictions(row: Row, use: UseDetails | None, predictions: int, grid: Grid) -> Row:
    """The row's costs for adaptation, transfer and so many predictions, in place of what they were
    for, and its SCI of one prediction; the row itself where no use was measured."""
    if use is None:
        return row
    before, source, each = once(row), f"{predictions:,} predictions", image_costs(use)
    image = {name: one.scaled(predictions, USED[name], source) for name, one in each.items()}
    whole = {name: add([before[name], image[name]]) for name in USED} if predictions else before
    grams = with_grams({"energy_j": whole["energy_j"], "wall_s": whole["wall_s"]}, grid)
    made = {} if row.embodied_g is None else {"embodied_g": grams["embodied_g"]}
    score = carbon_intensity_score(
        grid.carbon(each["energy_j"]), grid.embodied(each["wall_s"]), 1, "prediction"
    )
    costs = {**whole, "carbon_g": grams["carbon_g"], **made, "sci_prediction_g": score}
    return row.model_copy(update=costs)
