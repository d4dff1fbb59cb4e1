"""A run against a baseline: every figure of every cell, or why it cannot be judged."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from greendapt.core.meter_facts import grave
from greendapt.core.text import listed
from greendapt.gate import tiers
from greendapt.gate.facts import Name, Side, of_baseline, of_run
from greendapt.gate.outcomes import Outcome, Verdict
from greendapt.gate.outputs import Findings
from greendapt.gate.score_changes import Changes, score_changes
from greendapt.store.baselines import read_baseline
from greendapt.suite.limits import Limits, Tier


def run_against_baseline(
    run: Path, baseline: Path, limits: Limits, wanted: Collection[Tier] | None
) -> Findings:
    """``limits`` go before those of the run's suite. ``wanted``: None for all tiers, but for those
    for which neither side has the seeds that they need."""
    head = of_run(run)
    base = of_baseline(baseline, read_baseline(baseline), head.machine_key)
    poor = too_few(base, head) if wanted is None else {}
    wanted = frozenset(Tier) - poor.keys() if wanted is None else wanted
    verdicts = check(base, head, head.limits.under(limits), wanted)
    disturbed = [head.disturbed] if head.disturbed and Tier.NOISY in wanted else []
    notes = (*new_cells(base, head), *left_out(base, head), *poor.values(), *disturbed)
    return Findings(str(baseline), str(run), tuple(verdicts), notes)


def too_few(base: Side, head: Side) -> dict[Tier, str]:
    """Tiers that neither side has the seeds for, and a note that says so."""
    cells = [*base.cells.values(), *head.cells.values()]
    repeats = max((one.repeats for cell in cells for one in cell.noisy.values()), default=0)
    seeds = max((len(by) for cell in cells for by in cell.scores.values()), default=0)
    poor = {}
    if repeats < tiers.ENOUGH:
        what = "time, energy and memory are not judged"
        poor[Tier.NOISY] = f"{what}: {repeats} of {tiers.ENOUGH} repeats on either side"
    if seeds < _PAIRS:
        what = "what is learnt is not judged"
        poor[Tier.ACCURACY] = f"{what}: {seeds} seed on either side, of {_PAIRS} at least"
    return poor


_PAIRS = 2
"""Seeds without which a score has no interval."""


def check(
    base: Side, head: Side, limits: Limits, wanted: Collection[Tier] = frozenset(Tier)
) -> list[Verdict]:
    """Verdicts on every cell of either side. The exact tier needs no common machine."""
    different = _different(base, head)
    if different:
        return [Verdict(Outcome.VOID, different)]
    judged = set(wanted)
    verdicts: list[Verdict] = []
    why = doubt(base, head) if Tier.NOISY in judged else None
    if why:
        verdicts.append(Verdict(Outcome.VOID, why, tier=Tier.NOISY))
        judged.discard(Tier.NOISY)
    changes = score_changes(base.cells, head.cells)
    for name in dict.fromkeys([*_asked(base, head), *head.failures]):
        verdicts += _cell(name, base, head, limits, judged, changes)
    return verdicts


def new_cells(base: Side, head: Side) -> tuple[str, ...]:
    """A note on each cell of the run that the baseline does not know: it is not judged."""
    new = [name for name in head.cells if name not in base.cells]
    return tuple(f"{'/'.join(name)} is new: there is nothing to compare it with" for name in new)


def left_out(base: Side, head: Side) -> tuple[str, ...]:
    """A note where the run was asked for some of the baseline's strategies only."""
    asked = {name[0] for name in _asked(base, head)}
    strategies = dict.fromkeys(name[0] for name in base.cells if name[0] not in asked)
    if not strategies:
        return ()
    return (f"not asked for in this run, and not judged: {listed(list(strategies))}",)


def _asked(base: Side, head: Side) -> list[Name]:
    """The baseline's cells of the strategies that the run was asked for; of what it holds, where
    nobody knows."""
    return [name for name in base.cells if not head.strategies or name[0] in head.strategies]


def _different(base: Side, head: Side) -> str | None:
    """Why the two sides are not about the same thing."""
    then, now = (f"{side.suite} ({side.profile})" for side in (base, head))
    if then != now:
        return f"the baseline is of suite {then}, the run of {now}: nothing can be compared"
    if base.data != head.data:
        return "the run is on other data than the baseline: nothing can be compared"
    if base.cells and not _asked(base, head):
        return "the run has none of the baseline's strategies: nothing can be compared"
    return None


def doubt(base: Side, head: Side) -> str | None:
    """Why no noisy figure can be compared."""
    what = "time, energy and memory cannot be compared"
    if not base.machines:
        return None  # a baseline without such figures
    if head.machine_key != base.machine_key:
        machines = "; ".join(machine.says for machine in base.machines.values())
        here = head.machines[head.machine_key].says
        return f"{what}: the baseline has them of {machines}, this run is of {here}"
    for side, whose in ((base, "the baseline"), (head, "the run")):
        troubles = grave(side.machines[side.machine_key].troubles)
        if troubles:
            return f"{what}, in {whose}: {'; '.join(troubles)}"
    return None


def _cell(
    name: Name,
    base: Side,
    head: Side,
    limits: Limits,
    wanted: Collection[Tier],
    changes: Changes,
) -> Iterator[Verdict]:
    if name in head.failures:
        yield Verdict(Outcome.FAILED, f"failed: {head.failures[name]}", name)
        if name not in head.cells:
            return
    if name not in head.cells:
        yield Verdict(Outcome.VOID, "is in the baseline and not in the run", name)
        return
    if name not in base.cells:
        return
    then, now = base.cells[name], head.cells[name]
    if Tier.EXACT in wanted:
        yield from tiers.exact(name, then, now, limits)
    if Tier.NOISY in wanted:
        yield from tiers.noisy(name, then, now, limits)
    if Tier.ACCURACY in wanted:
        yield from tiers.accuracy(name, then, now, limits, changes)
