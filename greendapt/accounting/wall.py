"""From what is counted in a machine to what it draws at the wall: by a line through readings of a
plug meter, applied once, here, where a report is made. Memory, disks, fans and losses are in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import linear_regression

from greendapt.core.errors import MeterError
from greendapt.core.figures import Figure, Quality, add
from greendapt.core.records import PAID, Record, Summary
from greendapt.core.wall_fit import WallFit

FIGURE = "energy_wall_j"
LEFT_OUT = "memory without a counter, disks, fans, network and the power supply's losses"
NO_READING = (
    f"no reading of a plug meter with these devices: {LEFT_OUT} are not in the energy "
    "(greendapt doctor --wall takes them in)"
)
_PLUG = 0.02
"""Of its reading a plug meter may be off."""
_UNSEEN = 0.04
"""How far a line through two readings may be from the rest: no third one tells. So much one line
a machine leaves on public readings."""
_OTHER_WORK = (0.5, 1.5)
"""A thread busy with other work than that of the readings, where the CPU is modelled: it may wait
for memory, or use wider arithmetic."""
_RISE_W = 0.5
_PARTS = ("gpu", "cpu", "dram")


def parts_of(figures: Mapping[str, Figure]) -> tuple[str, ...]:
    """What the headline of these figures holds."""
    return tuple(part for part in _PARTS if _part(figures, part).value is not None)


def is_modelled(figures: Mapping[str, Figure]) -> bool:
    """Whether its CPU is estimated from CPU-seconds."""
    return _part(figures, "cpu").quality is Quality.ESTIMATED


def fitted(
    readings: Sequence[tuple[float, float]], parts: Sequence[str], modelled: bool, taken_on: str
) -> WallFit:
    """The line through ``readings``, W of the headline and W at the wall, from rest to full load.

    Raises MeterError where no line of a real machine goes through them.
    """
    counted, wall = zip(*readings, strict=True)
    if counted[-1] - counted[0] < _RISE_W:
        raise MeterError(
            f"the load did not show in what is counted ({counted[0]:.3g} W at rest, "
            f"{counted[-1]:.3g} W at full load): no line can be drawn; see greendapt doctor"
        )
    if wall[-1] <= wall[0]:
        raise MeterError(
            f"the plug meter told {wall[-1]:g} W at full load and {wall[0]:g} W at rest: give its "
            "readings from rest to full load, of the plug that this machine is on"
        )
    line = linear_regression(counted, wall)
    slope, base_w = line.slope, line.intercept
    if base_w < 0:  # a machine gives no power back: the best line through the origin
        slope, base_w = linear_regression(counted, wall, proportional=True).slope, 0.0
    most_w = (1 + _PLUG) * wall[-1]
    if not modelled and counted[-1] > most_w:
        raise MeterError(
            f"{counted[-1]:.3g} W are counted at full load, but the plug meter told {wall[-1]:g} W:"
            " more goes in than comes out; is all of this machine on that plug?"
        )
    worst_w = max(abs(w - slope * c - base_w) for c, w in readings)
    return WallFit(
        slope=slope,
        base_w=base_w,
        residual_w=worst_w,
        readings=tuple(readings),
        taken_on=taken_on,
        parts=tuple(parts),
        modelled=modelled,
    )


def wall_energy(figures: Mapping[str, Figure], fit: WallFit | None) -> Figure:
    """J at the wall of a record, or of a sum of them: always an estimate.

    Bounds hold the line's residual, the plug meter's tolerance, and the bounds of what was counted.
    """
    energy, wall_s = figures["energy_j"], figures["wall_s"]
    if fit is None:
        return Figure.unavailable("J", NO_READING)
    if energy.value is None or wall_s.value is None:
        return Figure.unavailable("J", energy.source if energy.value is None else wall_s.source)
    held = parts_of(figures)
    if held != fit.parts or is_modelled(figures) != fit.modelled:
        then, now = _said(fit.parts, fit.modelled), _said(held, is_modelled(figures))
        return Figure.unavailable("J", f"the plug meter was read with {then}, but this has {now}")
    base_j = fit.base_w * wall_s.value
    joules = fit.slope * energy.value + base_j
    share = _PLUG + (_UNSEEN if len(fit.readings) < 3 else 0.0)
    off_j = fit.residual_w * wall_s.value + share * joules
    least, most = _bounds(energy, energy.value, fit)
    return Figure(
        value=joules,
        unit="J",
        quality=Quality.ESTIMATED,
        source=f"{fit.line}; with {LEFT_OUT}",
        low=max(0.0, fit.slope * least + base_j - off_j),
        high=fit.slope * most + base_j + off_j,
    )


def _bounds(energy: Figure, joules: float, fit: WallFit) -> tuple[float, float]:
    """Of what was counted. A model's doubt about its watts a thread is gone: the line sets them."""
    if fit.modelled:
        return _OTHER_WORK[0] * joules, _OTHER_WORK[1] * joules
    low, high = energy.low, energy.high
    return joules if low is None else low, joules if high is None else high


def _part(figures: Mapping[str, Figure], part: str) -> Figure:
    return figures.get(f"energy_{part}_j") or Figure.unavailable("J", "not known")


def _said(parts: Sequence[str], modelled: bool) -> str:
    words = {"cpu": "modelled cpu" if modelled else "counted cpu"}
    return " + ".join(words.get(part, part) for part in parts) or "nothing counted"


def with_wall(figures: Mapping[str, Figure], fit: WallFit | None) -> dict[str, Figure]:
    """``figures`` with those at the wall; the same where there are none."""
    return {**figures, FIGURE: wall_energy(figures, fit)} if figures else {}


def record_with_wall(record: Record, fit: WallFit) -> Record:
    return record.model_copy(update={"figures": with_wall(record.figures, fit)})


def summary_with_wall(summary: Summary, fit: WallFit) -> Summary:
    """Each row has the sum of adaptation and transfer, as of its other costs."""
    rows = []
    for row in summary.rows:
        parts = {role: with_wall(figures, fit) for role, figures in row.parts.items()}
        paid = [parts[role][FIGURE] for role in PAID if parts.get(role)]
        wall = add(paid) if paid else None
        rows.append(row.model_copy(update={"parts": parts, FIGURE: wall}))
    update = {"sunk": with_wall(summary.sunk, fit), "spent": with_wall(summary.spent, fit)}
    return summary.model_copy(update={"rows": rows, **update})
