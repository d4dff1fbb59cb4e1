"""Where the energy went: what the stages of each role really used, shared stages once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from greendapt.core.figures import Figure, added
from greendapt.core.records import COST_UNITS, Record
from greendapt.report import words
from greendapt.report.view.model import COST_KEYS, RoleCost, StageCost
from greendapt.report.view.sentences import Amount, Sentence, amount, energy
from greendapt.store.runinfo import RunData

KEYS = ("wall_s", "energy_gpu_j", "energy_cpu_j", "energy_dram_j", "energy_j", "carbon_g")
TITLES = {
    "wall_s": "Wall-clock",
    "energy_gpu_j": "GPU",
    "energy_cpu_j": "CPU",
    "energy_dram_j": "DRAM",
    "energy_j": "Energy",
    "carbon_g": "Carbon",
}
_ROLES = {
    "adaptation": "Adaptation (DAPT)",
    "transfer": "Transfer",
    "evaluation": "Evaluation",
    "use": "Measuring use",
    "sunk": "Sunk (generic pre-training)",
}


def spending(records: Sequence[Record]) -> tuple[RoleCost, ...]:
    """One line a role that has records. A stage that ran twice counts twice: it was paid twice."""
    roles = [
        _role(role, title, [r for r in records if r.role == role and not r.reused])
        for role, title in _ROLES.items()
    ]
    present = [role for role in roles if role.stages]
    paid = [role.values["energy_j"] for role in present if role.role != "sunk"]
    total = sum(value for value in paid if value is not None)
    return tuple(
        role if role.role == "sunk" else replace(role, share=_share(role.values["energy_j"], total))
        for role in present
    )


def stage_costs(run: RunData) -> tuple[StageCost, ...]:
    """What each kind of stage used over all seeds, greatest energy first; sunk ones too."""
    users: dict[str, set[str]] = {}
    for row in run.summary.rows:
        for key in row.stages:
            users.setdefault(key, set()).add(row.strategy)
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in run.records:
        if not record.reused:
            groups.setdefault((record.title, record.role), []).append(record)
    costs = []
    for (label, role), records in groups.items():
        strategies = set().union(*(users.get(record.key, ()) for record in records))
        title = _ROLES.get(role, role)
        costs.append(StageCost(label, title, len(records), len(strategies), *_sums(records)))
    return tuple(sorted(costs, key=lambda step: -(step.values["energy_j"] or 0.0)))


def _role(role: str, title: str, records: Sequence[Record]) -> RoleCost:
    return RoleCost(role, title, len(records), *_sums(records), None)


def _sums(records: Sequence[Record]) -> tuple[dict[str, float | None], dict[str, int]]:
    """Each figure's sum, and in how many records it is missing."""
    values: dict[str, float | None] = {}
    missing: dict[str, int] = {}
    for key in KEYS:
        figures = [record.figures.get(key) for record in records]
        available = [f.value for f in figures if f is not None and f.value is not None]
        values[key] = sum(available) if available else None
        missing[key] = len(records) - len(available)
    return values, missing


def totals(records: Iterable[Record]) -> dict[str, Figure]:
    """Each cost of all that was metered; empty where nothing was. Unavailable where a stage has no
    such figure."""
    metered = [record.figures for record in records if record.figures]
    return added(metered, {key: COST_UNITS[key] for key in COST_KEYS}) if metered else {}


def _share(value: float | None, total: float) -> float | None:
    return None if value is None or total <= 0 else value / total


def spent_text(role: RoleCost | StageCost, key: str) -> str:
    """The sum of a role or step; ``>=`` where some of its stages have no such figure."""
    value = role.values[key]
    if value is None:
        return words.MISSING
    return ("≥ " if role.missing[key] else "") + words.amount(key, value)


def spending_note(run: RunData) -> Sentence:
    """What the run really used, against what its cells would have used one by one."""
    spent = totals(one for one in run.records if one.role != "sunk" and not one.reused)
    if not spent or spent["energy_j"].value is None:
        return Sentence()
    note: list[str | Amount] = ["This run used ", energy(spent["energy_j"].value)]
    carbon = spent["carbon_g"]
    if carbon.value is not None:
        note += [" and emitted ", amount("carbon_g", carbon.value)]
    note += _shared(run)
    reused = sum(record.reused for record in run.records)
    if reused:
        note.append(f". {reused} stages were taken over from an earlier run and cost nothing here")
    return Sentence(*note, ".")


def _shared(run: RunData) -> list[str | Amount]:
    """What adaptation and transfer took, and would have taken apart; nothing where unknown.

    Nothing either where cells are not shown: all stages are no measure of some cells.
    """
    if run.cautions:
        return []
    alone = [row.energy_j.value for row in run.summary.rows]
    paid = [
        figure.value
        for record in run.records
        if record.role in ("adaptation", "transfer")
        and not record.reused
        and (figure := record.figures.get("energy_j"))
    ]
    if not alone or None in alone or None in paid:
        return []
    together, apart = (sum(value or 0.0 for value in values) for values in (paid, alone))
    return [
        ". Adaptation and transfer took ",
        energy(together),
        " of it; run one by one the strategies would have taken ",
        energy(apart),
        ": stages that several share ran once",
    ]
