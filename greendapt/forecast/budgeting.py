"""What a budget is kept by: a price of every stage, from the kept plan or from timing them here."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from greendapt.accounting.hourly import Spell
from greendapt.core.errors import SuiteError
from greendapt.core.figures import Figure
from greendapt.core.machine import launched
from greendapt.core.records import Record
from greendapt.forecast.calibrate import LIMITS, Limits
from greendapt.forecast.kept_plans import keep_plan, kept_plan
from greendapt.forecast.predict import as_run, context_on, forecast_by
from greendapt.meter import Meter
from greendapt.run.allowance import Allowance, Price, Terms, identity
from greendapt.run.budget import Budget
from greendapt.run.plan import stages
from greendapt.run.session import Session
from greendapt.run.workers.executor import Executor
from greendapt.run.workers.local import Local
from greendapt.store.forecasts import Forecast, StageForecast
from greendapt.store.run import latest

_SHARE = 0.1
"""Of a budget, what timing the stages may take."""

_LOOK_S = 0.5
"""Longer than a counter of energy takes to move."""


def check_budget(budget: Budget | None, executor: Executor | None) -> None:
    """SuiteError where stages run elsewhere than here, where they are timed."""
    if budget is None:
        return
    if launched():
        raise SuiteError("--budget: torchrun shares each training, which is timed in one process")
    if not isinstance(executor, Local | None):
        raise SuiteError(
            "--budget: what a stage takes on another machine cannot be timed here; leave the "
            "executor out, or take --executor local"
        )


def allowance_of(
    session: Session,
    budget: Budget | None,
    out: Path,
    before: Sequence[Record],
    say: Callable[[str], None],
    *,
    comparable: bool = True,
) -> Allowance | None:
    """None without a budget; else see `terms_of`."""
    if budget is None:
        return None
    terms = terms_of(session, budget, out, before, say, comparable=comparable)
    return Allowance(terms, session.grid.of_work)


def terms_of(
    session: Session,
    budget: Budget,
    out: Path,
    before: Sequence[Record],
    say: Callable[[str], None],
    *,
    comparable: bool = True,
) -> Terms:
    """Prices of all that may run, and what finding them took.

    ``before``: what is in the run's folder, or is taken over into it; ``comparable``: whether that
    is of this machine. Files of a timing go to the disk of ``out`` and vanish. SuiteError where
    nothing here knows what the budget is in.
    """
    begun_at = datetime.now(UTC).isoformat(timespec="seconds")
    done = {record.key for record in before if record.status == "done"}
    timed = (0.0, 0.0)
    if all(stage.key in done for stage in stages(session.due(latest([*before])))):
        prices = {one.key: _paid(one, budget) for one in before}
    else:
        there = as_run(context_on(session, out), stages(session.plan)).kept
        plan = _usable(session, budget, there)
        with closing(Meter(device=str(session.engine.device))) as meter:
            _check(meter, session, budget)
            if plan is None:
                plan, timed = _timed(meter, session, budget, out, say)
        prices = _prices(session, plan, budget, there)
    return Terms(
        budget=budget,
        prices=prices,
        begun_at=begun_at,
        before=frozenset(map(identity, before)),
        timed=timed,
        comparable=comparable,
    )


def _check(meter: Meter, session: Session, budget: Budget) -> None:
    if budget.unit == "s":
        return
    with meter.window() as window:
        time.sleep(_LOOK_S)
    if window.figures["energy_j"].value is None:
        raise _unknown(budget, window.figures["energy_j"].source)
    now = session.grid.of_work([Spell(time.time(), 1.0, 1.0)])
    if budget.unit == "g" and now.intensity_g_per_kwh is None:
        raise SuiteError(
            f"a budget of {budget}: grams need the intensity of the grid now ({now.source}); "
            "give a budget of energy, such as 20Wh"
        )


def _unknown(budget: Budget, why: str) -> SuiteError:
    return SuiteError(
        f"a budget of {budget}: nothing here knows what energy is spent ({why}); give a budget "
        "of time, such as 30min"
    )


def _usable(session: Session, budget: Budget, there: Collection[str]) -> Forecast | None:
    """The kept plan, where it knows what every stage takes that is not ``there`` any more."""
    plan = kept_plan(session.suite, session.info().fingerprint)
    if plan is None:
        return None
    planned = {stage.key: stage for stage in plan.stages if not stage.kept}
    needed = [stage.key for stage in stages(session.plan) if stage.key not in there]
    knows = all(key in planned and _amount(planned[key], budget) is not None for key in needed)
    return plan if knows else None


def _timed(
    meter: Meter, session: Session, budget: Budget, out: Path, say: Callable[[str], None]
) -> tuple[Forecast, tuple[float, float]]:
    """A new plan, which is kept; seconds and amount that it took."""
    say(f"a budget of {budget}: looking first what the stages take")
    limits = _limits(session, budget)
    with meter.window() as window:
        plan = forecast_by(meter, session, out, limits=limits, say=say)
    keep_plan(session.suite, session.info().fingerprint, plan)
    took, wall = window.figures[budget.figure], window.figures["wall_s"]
    return plan, (wall.value or 0.0, took.value or 0.0)


def _limits(session: Session, budget: Budget) -> Limits:
    share = _SHARE * budget.limit
    if budget.unit == "s":
        return Limits(wall_s=min(LIMITS.wall_s, share))
    if budget.unit == "J":
        return Limits(energy_j=share)
    now = session.grid.of_work([Spell(time.time(), 1.0, 1.0)])
    joule_g = now.carbon(Figure.measured(1.0, "J", "one joule")).value
    return Limits(energy_j=share / joule_g) if joule_g else LIMITS


def _prices(
    session: Session, plan: Forecast, budget: Budget, there: Collection[str]
) -> dict[str, Price]:
    by_key, prices = {stage.key: stage for stage in plan.stages}, {}
    for stage in stages(session.plan):
        planned = by_key[stage.key]
        amount = 0.0 if stage.key in there else _amount(planned, budget)
        if amount is None:
            raise _unknown(budget, f"of {stage.label}, when it was tried")
        at_most = bool(stage.looks_every)
        prices[stage.key] = Price(stage.title, stage.kind, amount, at_most)
    return prices


def _amount(planned: StageForecast, budget: Budget) -> float | None:
    return planned.wall_s if budget.unit == "s" else planned.energy_j


def _paid(record: Record, budget: Budget) -> Price:
    """Of a stage that would only be done again if its files were gone."""
    return Price(record.title, record.kind, record.value(budget.figure) or 0.0)
