"""The view model: everything a report says, computed once, drawn by every format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from greendapt.core.figures import Quality
from greendapt.stats.intervals import Interval

Path = tuple[str, ...]
"""Where a metric stands in a row: ("development", "auc"), ("external", NAME, "auc"), ..."""

DEVELOPMENT: Path = ("development", "auc")
COST_KEYS = ("carbon_g", "energy_j", "wall_s", "training_flops")


@dataclass(frozen=True)
class Estimate:
    """A mean over ``n`` seeds. The interval is over seeds, or over test patients when n is 1."""

    mean: float
    low: float | None
    high: float | None
    n: int
    basis: Literal["seeds", "patients", "none"]


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


@dataclass(frozen=True)
class Entry:
    """One strategy over its seeds, in one panel."""

    name: str
    about: str
    mark: int
    seeds: tuple[int, ...]
    metrics: dict[Path, Estimate]
    costs: dict[str, Cost]
    against_full: Comparison | None
    against_none: Comparison | None
    on_front: bool
    front_probability: float | None


@dataclass(frozen=True)
class Verdict:
    """``sentences``: the answer, plainest first; ``kind``: what sort of answer it is.

    buy: a strategy is worth its cost; none: no DAPT is; hurt: no DAPT is, and full DAPT is
    credibly worse; tie: nothing can be told apart; alone: one strategy; uncosted: no cost known.
    """

    kind: Literal["buy", "none", "hurt", "tie", "alone", "uncosted"]
    buy: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Panel:
    """One question: a backbone, a transfer, a number of shots. Entries are sorted by cost."""

    backbone: str
    transfer: str
    shots: str
    title: str
    entries: tuple[Entry, ...]
    measures: tuple[Path, ...]
    verdict: Verdict


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
    headline: str
    details: tuple[str, ...]
    caveats: tuple[str, ...]
    cost_key: str | None
    panels: tuple[Panel, ...]
    spending: tuple[RoleCost, ...]
    spending_note: str
    failures: tuple[FailedCell, ...]
    validity: tuple[Fact, ...]
    command: str
    reproduce: tuple[Fact, ...]
