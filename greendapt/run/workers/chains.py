"""A plan as jobs: cells that share an adaptation stay together, what all share goes first."""

from __future__ import annotations

from collections import Counter

from greendapt.run.plan import Cell, stages
from greendapt.run.stages.base import Stage


def chains(plan: list[Cell]) -> list[list[Stage]]:
    """Cells that share a stage of an adaptation, as one list of stages each, parents first.

    What is not trained for a seed (generic pre-training, a stored prefix) joins nothing: see
    `common`.
    """
    group: dict[str, int] = {}
    cells: dict[int, list[Cell]] = {}
    for number, cell in enumerate(plan):
        keys = [stage.key for stage in cell.stages if not stage.is_common]
        met = sorted({group[key] for key in keys if key in group}) or [number]
        first, *others = met
        mine = cells.setdefault(first, [])
        for other in others:
            mine += cells.pop(other)
        mine.append(cell)
        moved = (stage.key for one in mine for stage in one.stages if not stage.is_common)
        group |= dict.fromkeys(moved, first)
    return [stages(of) for of in cells.values()]


def common(groups: list[list[Stage]]) -> list[Stage]:
    """Stages that several groups need, parents first: done before, so that no job waits."""
    uses = Counter(stage.key for of in groups for stage in of)
    return list({s.key: s for of in groups for s in of if uses[s.key] > 1}.values())
