"""The view model: everything a report says, computed once, drawn by every format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from greendapt.core.figures import Quality
from greendapt.report.view.layers import Layers
from greendapt.report.view.payback import Bill
from greendapt.stats.crossed import Basis
from greendapt.stats.intervals import Interval
from greendapt.store.forecasts import Expected

Path = tuple[str, ...]
"""Where a metric stands in a row: ("development", "auc"), ("external", NAME, "auc"), ..."""

Setting = tuple[str, str, int | str]
"""Backbone, transfer and shots: what strategies are compared in; one setting is one panel."""

DEVELOPMENT: Path = ("development", "auc")
HEADLINES = ("auc", "dice")
"""What strategies are compared by, where the suite asks for nothing else: the AUC of labels, the
Dice of masks. A run has one of them."""
COST_KEYS = ("carbon_g", "energy_j", "wall_s", "training_flops")


def headline(paths: Iterable[Path], metric: str | None = None) -> Path:
    """The development score among ``paths``; ``metric``: the one that is asked for."""
    if metric is not None:
        return "development", metric
    scores = (path for path in paths if path[0] == "development" and path[-1] in HEADLINES)
    return next(scores, DEVELOPMENT)


@dataclass(frozen=True)
class Estimate:
    """A mean over ``n`` seeds. ``basis``: what the interval covers the chance of."""

    mean: float
    low: float | None
    high: float | None
    n: int
    basis: Basis


@dataclass(frozen=True)
class Cost:
    """Adaptation + transfer as if alone, mean over seeds; ``estimate`` None: unavailable."""

    estimate: Estimate | None
    unit: str
    quality: Quality
    source: str


@dataclass(frozen=True)
class Comparison:
    """Ours against a reference, paired by seed: differences of metrics, ratios of costs."""

    reference: str
    metrics: dict[Path, Interval]
    ratios: dict[str, Interval]
    path: Path = DEVELOPMENT
    """What is judged."""

    @property
    def score(self) -> Interval | None:
        """The difference of the score that is judged."""
        return self.metrics.get(self.path)


@dataclass(frozen=True)
class Standing:
    """Whether a strategy is on the front of one cost and one score, and how surely."""

    on_front: bool
    probability: float | None


@dataclass(frozen=True)
class Entry:
    """One strategy over its seeds, in one panel."""

    name: str
    about: str
    mark: int
    """Family and rank within it, see `greendapt.report.view.marks`."""
    seeds: tuple[int, ...]
    metrics: dict[Path, Estimate]
    costs: dict[str, Cost]
    against_full: Comparison | None
    against_none: Comparison | None
    standing: Standing
    trained_share: float | None = None
    """Of the network's parameters, in the phase that trains most; None where that is not known."""
    layers: Layers | None = None
    path: Path = DEVELOPMENT
    """What is judged."""

    @property
    def score(self) -> Estimate | None:
        """The one that is judged."""
        return self.metrics.get(self.path)


@dataclass(frozen=True)
class Verdict:
    """``sentences``: the answer, plainest first; ``kind``: what sort of answer it is.

    buy: a strategy is worth its cost; none: no DAPT is; hurt: no DAPT is, and full DAPT is
    credibly worse; undecided: no strategy is surely within the margin of the best; alone: one
    strategy; uncosted: no cost known.
    """

    kind: Literal["buy", "none", "hurt", "undecided", "alone", "uncosted"]
    buy: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Tile:
    """A figure of the first screen; ``notes``: what to hold against it."""

    title: str
    value: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Offer:
    """The best strategy for an energy (``limit`` in J), or the cheapest that reaches a score."""

    limit: float
    name: str
    score: Estimate
    cost: Cost

    @property
    def energy_j(self) -> float:
        """Of the strategy, mean over seeds; only what has an energy is offered."""
        return self.cost.estimate.mean if self.cost.estimate else 0.0


@dataclass(frozen=True)
class Robustness:
    """Scores on corrupted test images: ``rows`` by strategy, in order of ``conditions``.

    A condition is (corruption, severity); the drop is the mean over conditions against clean.
    """

    conditions: tuple[tuple[str, str], ...]
    rows: dict[str, tuple[Estimate | None, ...]]


@dataclass(frozen=True)
class Curve:
    """One strategy's lowest validation loss so far, epoch by epoch, over the energy spent (J)."""

    name: str
    mark: int
    seeds: int
    energy_j: tuple[float, ...]
    loss: tuple[float, ...]


@dataclass(frozen=True)
class Learning:
    """Curves on the pool's validation part: one backbone, one objective."""

    title: str
    curves: tuple[Curve, ...]


Table = tuple[tuple[str, ...], ...]
"""Rows of text, the heading first."""


@dataclass(frozen=True)
class Line:
    """Of a strategy: points (x, y) with the ends of an interval of y, where it is known."""

    name: str
    mark: int
    points: tuple[tuple[float, float, float | None, float | None], ...]


@dataclass(frozen=True)
class Diagram:
    """``x`` and ``y``: what the axes say. ``guides``: lines to hold the others against, of points
    (x, y), by name."""

    title: str
    x: str
    y: str
    lines: tuple[Line, ...]
    guides: Mapping[str, tuple[tuple[float, float], ...]]


@dataclass(frozen=True)
class Section:
    """Findings of a run as a whole: ``explanation`` is of the ``tables``, ``key`` links to it.
    ``diagrams``: to be looked at by those who ask; such a section is of the page alone, folded."""

    key: str
    title: str
    explanation: str
    tables: tuple[Table, ...]
    diagrams: tuple[Diagram, ...] = ()


@dataclass(frozen=True)
class Panel:
    """One question: a backbone, a transfer, a number of shots. Entries are sorted by cost.

    ``figures``: every cost any row has. ``standings``: of the entries, by cost and score.
    """

    backbone: str
    transfer: str
    shots: str
    title: str
    entries: tuple[Entry, ...]
    measures: tuple[Path, ...]
    figures: tuple[str, ...]
    standings: dict[tuple[str, Path], tuple[Standing, ...]]
    verdict: Verdict
    plain: str
    """The verdict in one sentence, with its confidence."""
    tiles: tuple[Tile, ...]
    budgets: tuple[Offer, ...]
    targets: tuple[Offer, ...]
    robustness: Robustness | None
    path: Path = DEVELOPMENT
    """The score that the verdict is about."""
    predictions: int = 0
    """That every cost holds, beside adaptation and transfer."""

    @property
    def scores(self) -> list[Path]:
        """That score on development and wherever else it was taken."""
        return [path for path in self.measures if path[-1] == self.path[-1]]


@dataclass(frozen=True)
class RoleCost:
    """What the stages of one role really used; ``missing`` stages have no such figure."""

    role: str
    title: str
    stages: int
    values: dict[str, float | None]
    missing: dict[str, int]
    share: float | None


@dataclass(frozen=True)
class StageCost:
    """The stages of one label over all seeds, and how many strategies use them."""

    label: str
    role: str
    stages: int
    strategies: int
    values: dict[str, float | None]
    missing: dict[str, int]


@dataclass(frozen=True)
class Planned:
    """Stages of a kind that were planned and ran here; ``energy_j`` None: one of them unknown."""

    title: str
    expected: Expected
    wall_s: float
    energy_j: float | None

    @property
    def wall_ratio(self) -> float | None:
        """Predicted over measured."""
        return self.expected.wall_s / self.wall_s if self.wall_s else None

    @property
    def energy_ratio(self) -> float | None:
        """Predicted over measured."""
        predicted = self.expected.energy_j
        return predicted / self.energy_j if predicted is not None and self.energy_j else None


@dataclass(frozen=True)
class FailedCell:
    cell: str
    stage: str
    error: str


@dataclass(frozen=True)
class Fact:
    """One line of the validity or the reproduction panel; ``warn``: read this before the table."""

    topic: str
    text: str
    warn: bool = False


@dataclass(frozen=True)
class View:
    """A whole report."""

    title: str
    about: str
    scope: str
    suite: str
    profile: str
    started_at: str
    synthetic: bool
    plain: str
    """The headline for whoever reads no other line; of one setting, with its confidence."""
    headline: str
    details: tuple[str, ...]
    caveats: tuple[str, ...]
    caveats_in_short: str
    """Their subjects in one line: ``synthetic data, energy estimated``."""
    cautions: tuple[str, ...]
    cost_key: str | None
    panels: tuple[Panel, ...]
    learning: tuple[Learning, ...]
    sections: tuple[Section, ...]
    spending: tuple[RoleCost, ...]
    stage_costs: tuple[StageCost, ...]
    spending_note: str
    bill: Bill
    planned: tuple[Planned, ...]
    failures: tuple[FailedCell, ...]
    validity: tuple[Fact, ...]
    intensity_g_per_kwh: float | None
    pue: float
    command: str
    suite_toml: str
    """The suite as it ran, as a file to run again."""
    reproduce: tuple[Fact, ...]
