"""Stop rules replayed on recorded trajectories: what each would have cost, and lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from greendapt.stats.intervals import Interval, bootstrap_interval, t_interval
from greendapt.stats.series import Floats, Series, View, mean, views
from greendapt.suite.stop_rules import Look, Rule

_FEW = 10
"""Series; with fewer, intervals are Student's t."""


@dataclass(frozen=True)
class Replayed:
    """One rule on one series, averaged over the series' views.

    regret
        Quality of the best epoch of the whole series minus that of the kept one, at least 0.
    paid, kept
        The last epoch looked at, with what the looks themselves cost on top, and the epoch whose
        weights are taken.
    looks
        How many looks were taken.
    versus_full
        Quality of the kept epoch minus that of the last of the whole series.
    """

    series: str
    dataset: str
    regret: float
    paid: float
    kept: float
    looks: float
    versus_full: float


@dataclass(frozen=True)
class Totals:
    """A rule over all series: means, intervals over series, and how often it won.

    ``paid_share``: epochs paid over those of full length. ``versus_equal``: quality of the kept
    epoch minus that of a fixed length of the same price, which is ``paid`` in every series.
    """

    regret: Interval
    versus_full: Interval
    versus_equal: Interval
    paid: float
    paid_share: float
    looks: float
    wins: int
    ties: int
    losses: int


def replay(
    series: Series, rule: Rule, score: str | None = None, *, transfer_epochs: float = 0.0
) -> Replayed:
    """Show ``rule`` one look after the other until it stops, or the record ends.

    ``transfer_epochs``: what one transfer costs, in epochs of pre-training, where a look takes
    transfers (see `greendapt.stats.series.views`).
    """
    rows = [_on_view(series, view, rule, transfer_epochs) for view in views(series, score)]
    return Replayed(series.name, series.dataset, *np.mean(rows, axis=0).tolist())


def _on_view(series: Series, view: View, rule: Rule, transfer_epochs: float) -> tuple[float, ...]:
    looks: list[Look] = []
    for place in range(len(series.epochs)):
        looks.append(_look(series, view, place))
        decision = rule.decide(looks)
        if decision.stop:
            break
    judged = view.judged
    kept = decision.keep
    lost = float(judged.max() - judged[kept])
    paid = float(series.epochs[len(looks) - 1]) + transfer_epochs * view.transfers * len(looks)
    return lost, paid, float(series.epochs[kept]), len(looks), float(judged[kept] - judged[-1])


def _look(series: Series, view: View, place: int) -> Look:
    def at(values: Floats | None) -> float | None:
        return None if values is None or np.isnan(values[place]) else float(values[place])

    epoch = int(series.epochs[place])
    return Look(epoch, at(view.seen), at(series.energy_j), at(series.wall_s))


def totals(
    series: Sequence[Series], replayed: Sequence[Replayed], *, tie: float = 0.0, seed: int = 0
) -> Totals:
    """A rule on each of ``series``; differences up to ``tie`` count as ties."""
    full = float(np.mean([one.epochs[-1] for one in series]))
    gains = np.array([one.versus_full for one in replayed])
    paid = float(np.mean([one.paid for one in replayed]))
    return Totals(
        _over_series(np.array([one.regret for one in replayed]), seed),
        _over_series(gains, seed),
        _over_series(gains + np.array([_left_out(one, paid) for one in series]), seed),
        paid,
        paid / full,
        float(np.mean([one.looks for one in replayed])),
        int((gains > tie).sum()),
        int((np.abs(gains) <= tie).sum()),
        int((gains < -tie).sum()),
    )


def _left_out(series: Series, paid: float) -> float:
    """Quality of full length minus that of ``paid`` epochs, on the line between recorded ones."""
    quality = mean(series.quality)
    return float(quality[-1] - np.interp(paid, series.epochs, quality))


def leave_one_dataset_out(
    candidates: Mapping[str, Sequence[Replayed]], budget: float
) -> tuple[list[Replayed], dict[str, str]]:
    """For each dataset the candidate that did best on the others; what came of it, and which.

    Best: least mean regret among those that pay at most ``budget`` epochs in the mean there (the
    cheapest where none does). Every candidate must have the same series in the same order.
    """
    names = list(candidates)
    regret = np.array([[one.regret for one in candidates[name]] for name in names])
    paid = np.array([[one.paid for one in candidates[name]] for name in names])
    datasets = np.array([one.dataset for one in candidates[names[0]]])
    if len(np.unique(datasets)) < 2:
        raise ValueError("leaving one dataset out needs at least two")
    chosen = {}
    for dataset in np.unique(datasets):
        others = datasets != dataset
        chosen[str(dataset)] = names[_best(regret[:, others], paid[:, others], budget)]
    result = [candidates[chosen[str(name)]][i] for i, name in enumerate(datasets)]
    return result, chosen


def _best(regret: Floats, paid: Floats, budget: float) -> int:
    costs = paid.mean(axis=1)
    affordable = costs <= budget
    if not affordable.any():
        return int(costs.argmin())
    return int(np.where(affordable, regret.mean(axis=1), np.inf).argmin())


# --- rank agreement -------------------------------------------------------------------------

Agreement = Callable[[Floats, Floats], float]


def spearman(score: Floats, quality: Floats) -> float:
    """Spearman's rank correlation; NaN where one of the two is constant."""
    from scipy.stats import spearmanr  # half a second that most reports do without

    return float(spearmanr(score, quality).statistic) if _varies(score, quality) else float("nan")


def weighted_kendall(score: Floats, quality: Floats) -> float:
    """Weighted Kendall's tau: exchanges among the best weigh most (Vigna 2015)."""
    from scipy.stats import weightedtau

    return float(weightedtau(score, quality).statistic) if _varies(score, quality) else float("nan")


def agreement(series: Sequence[Series], score: str, of: Agreement, seed: int = 0) -> Interval:
    """Mean over series of ``of`` between score and mean quality over epochs; 95% interval over
    series. NaN without an interval where no series has a value."""
    values = np.array([_agreement(one, score, of) for one in series])
    values = values[~np.isnan(values)]
    if values.size == 0:
        return Interval(float("nan"), None, None)
    return _over_series(values, seed)


def _over_series(values: Floats, seed: int) -> Interval:
    """Mean of one value a series, and its 95% interval: of a bootstrap over series, or Student's t
    where they are so few that a bootstrap would see too little."""
    if len(values) < _FEW:
        return t_interval(values)
    low, high = bootstrap_interval(
        lambda w: w @ values / w.sum(axis=1), np.arange(len(values)), n=2000, seed=seed
    )
    return Interval(float(values.mean()), low, high)


def _agreement(series: Series, score: str, of: Agreement) -> float:
    seen, quality = series.scores[score], mean(series.quality)
    both: NDArray[np.bool_] = ~(np.isnan(seen) | np.isnan(quality))
    return of(seen[both], quality[both])


def _varies(a: Floats, b: Floats) -> bool:
    return len(a) > 1 and bool(np.ptp(a) > 0 and np.ptp(b) > 0)
