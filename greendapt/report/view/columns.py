"""Every column of a report's tables, once: how it is called, how its cells read, where it stands.

A new figure is a line in `FIGURES`, a new score a line in `MEASURES`, a new column of its own one
in `_every`. One that nobody names here still gets a title from its key and stands in the second
table of the page, in CSV and in Parquet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from greendapt.core.records import Row
from greendapt.report import words
from greendapt.report.view import estimates
from greendapt.report.view.model import Entry, Panel, Path


class Place(StrEnum):
    """A table with a line a strategy."""

    PAGE = "page"
    MORE = "more"  # the second table of the page
    MARKDOWN = "markdown"
    LATEX = "latex"  # a paper's second table; its first is that of the terminal
    TERMINAL = "terminal"


_ORDER = {
    Place.PAGE: ("what", "score", "against", "front", "cost"),
    Place.MORE: ("score", "cost", "against"),
    Place.MARKDOWN: ("what", "score", "cost", "against", "front"),
    Place.LATEX: ("what", "cost"),
    Place.TERMINAL: ("score", "cost", "against"),
}
"""Groups of columns, from left to right."""


@dataclass(frozen=True)
class Called:
    """A figure's ``title`` over a column, its ``noun`` in a sentence, and where it has a column."""

    title: str
    noun: str = ""
    places: tuple[Place, ...] = (Place.MORE,)

    def with_use(self, predictions: int) -> Called:
        """As it is called where predictions are part of it: they train nothing."""
        if not predictions or self.noun != "training FLOPs":
            return self
        return replace(self, title="FLOPs", noun="FLOPs")

    @property
    def short(self) -> str:
        """The title without what stands in brackets."""
        return self.title.split(" (")[0]


_PRINTED = (Place.PAGE, Place.LATEX)
FIGURES = {
    "carbon_g": Called("Carbon (CO2e)", "carbon", (*_PRINTED, Place.MARKDOWN)),
    "energy_j": Called("Energy", "energy", (*_PRINTED, Place.MARKDOWN)),
    "wall_s": Called("Wall-clock", "time", (*_PRINTED, Place.MARKDOWN)),
    "training_flops": Called("Training FLOPs", "training FLOPs", _PRINTED),
    "peak_memory_bytes": Called("Peak memory"),
    "energy_above_idle_j": Called("Energy above idle"),
    "energy_green_algorithms_j": Called("Energy by Green Algorithms"),
    "energy_process_j": Called("Energy of the process"),
    "energy_idle_share_j": Called("Its share of idle energy"),
    "energy_machine_j": Called("Energy of the machine"),
    "energy_wall_j": Called("Energy at the wall", places=(Place.PAGE, Place.MARKDOWN)),
    "cpu_s": Called("CPU time"),
    "embodied_g": Called("Embodied carbon"),
    "sci_image_g": Called("SCI per image trained"),
    "sci_auc_point_g": Called("SCI per AUC point gained"),
    "sci_prediction_g": Called("SCI per prediction"),
}
MEASURES = {
    "auc": "AUC",
    "dice": "Dice",
    "jaccard": "Jaccard",
    "mcc": "Matthews correlation",
    "hausdorff95_px": "95% Hausdorff distance (px)",
    "balanced_accuracy": "balanced accuracy",
    "auprc": "AUPRC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "f1": "F1",
    "brier": "Brier score",
    "ece": "calibration error",
}


def called(key: str) -> Called:
    """How the figure ``key`` is called; one that is not in `FIGURES` by its own words."""
    name, _, unit = key.rpartition("_")
    own = name if unit in ("g", "j", "s", "bytes", "kwh") and name else key
    title = own.replace("_", " ").replace("sci", "SCI")
    return FIGURES.get(key) or Called(title[:1].upper() + title[1:])


def measure_title(path: Path) -> str:
    """``Development AUC``, ``External nih AUC``, ..."""
    *where, _ = path
    return f"{where[0].capitalize()} {' '.join([*where[1:], metric_title(path)])}"


def metric_title(path: Path) -> str:
    """``AUC``, ``Dice``, ..."""
    return MEASURES.get(path[-1], path[-1].replace("_", " "))


def score_noun(panels: Sequence[Panel]) -> str:
    """What the panels' verdicts are about: ``AUC``, ``Dice``."""
    return metric_title(panels[0].path) if panels else "score"


@dataclass(frozen=True)
class Cell:
    """``text`` with ``small`` below it, or both in one ``line`` (None: the text); ``value`` sorts.

    ``grams`` is what a grid intensity scales, all but ``fixed`` of it.
    """

    text: str
    small: str = ""
    value: float | None = None
    grams: float | None = None
    fixed: float = 0.0
    line: str | None = None

    @property
    def whole(self) -> str:
        return self.text if self.line is None else self.line


@dataclass(frozen=True)
class Column:
    """``titles``: its heading by place, and nowhere else does it stand."""

    group: str
    titles: Mapping[Place, str]
    cell: Callable[[Entry], Cell]


def columns(panel: Panel, cost_key: str | None, place: Place) -> list[Column]:
    """What stands beside the strategies of ``panel``; ``cost_key`` is the cost of its verdict."""
    shown = [column for column in _every(panel, cost_key) if place in column.titles]
    return sorted(shown, key=lambda column: _ORDER[place].index(column.group))


def _every(panel: Panel, key: str | None) -> Iterator[Column]:
    noun = score_noun([panel])
    if any(entry.trained_share is not None for entry in panel.entries):
        trains = dict.fromkeys((Place.PAGE, Place.MARKDOWN, Place.LATEX), "Trains")
        yield Column("what", trains, _trains)
    for path in panel.measures:
        yield _measure(path, panel)
    outside = next((path for path in panel.scores if path[0] == "external"), None)
    if outside:
        mean = {Place.TERMINAL: "external"}
        yield Column("score", mean, lambda entry: replace(_score(entry, outside), line=None))
    noun_of_cost = called(key).with_use(panel.predictions).noun if key else "cost"
    against = {Place.PAGE: noun_of_cost.capitalize()}
    reference = next((e.against_full.reference for e in panel.entries if e.against_full), None)
    if reference is not None:
        against[Place.TERMINAL] = f"vs {reference}"
    yield Column("against", against, _but_for(reference, lambda entry: _ratio(entry, key)))
    yield Column("against", {Place.PAGE: noun}, _gap)
    in_words = _but_for(reference, lambda entry: Cell(_against_full(entry, key, noun)))
    yield Column("against", {Place.MARKDOWN: "Against full"}, in_words)
    front = dict.fromkeys((Place.PAGE, Place.MARKDOWN), "On the front")
    yield Column("front", front, _standing)
    for figure in panel.figures:
        yield _figure(figure, key or "carbon_g", panel.predictions)
    yield Column("against", {Place.MORE: f"{noun} against none"}, _against_none)


def _but_for(reference: str | None, cell: Callable[[Entry], Cell]) -> Callable[[Entry], Cell]:
    """``cell``, but for the strategy that the others are compared with."""
    return lambda entry: Cell("reference") if entry.name == reference else cell(entry)


def _trains(entry: Entry) -> Cell:
    """How much of the network."""
    share = entry.trained_share
    if share is None:
        return Cell(words.MISSING)
    digits = 0 if share >= 0.1 else 1
    return Cell(f"{100 * share:.{digits}f}%" if share else "nothing", value=share)


def _measure(path: Path, panel: Panel) -> Column:
    noun, title = score_noun([panel]), measure_title(path)
    if path not in panel.scores:
        titles = {Place.MORE: title}
    else:
        titles = {Place.PAGE: title.removesuffix(f" {noun}")}
        titles[Place.MARKDOWN] = title
    if path == panel.path:
        titles[Place.TERMINAL] = f"{noun} [95%]"
    return Column("score", titles, lambda entry: _score(entry, path))


def _figure(key: str, verdict_key: str, predictions: int) -> Column:
    name = called(key).with_use(predictions)
    brief = (Place.MARKDOWN, Place.LATEX)
    titles = {place: name.short if place in brief else name.title for place in name.places}
    if key == verdict_key:
        titles[Place.TERMINAL] = name.noun
        titles.pop(Place.LATEX, None)
    return Column("cost", titles, lambda entry: _cost(entry, key))


def _score(entry: Entry, path: Path) -> Cell:
    estimate = entry.metrics.get(path)
    if estimate is None:
        return Cell(words.MISSING)
    mark = " p" if estimate.basis == "patients" else ""
    bounds = words.interval(estimate.low, estimate.high) + mark
    line = words.score(estimate)
    return Cell(words.number(estimate.mean), bounds, estimate.mean, line=line)


def _ratio(entry: Entry, key: str | None) -> Cell:
    """Of the verdict's cost against full DAPT."""
    full = entry.against_full
    ratio = full.ratios.get(key) if full and key else None
    text = words.against(ratio) if full else ""
    return Cell(text if key else "", value=ratio.mean if ratio else None, line=text)


def _gap(entry: Entry) -> Cell:
    gap = entry.against_full.score if entry.against_full else None
    return Cell(words.signed(gap.mean), words.bounds(gap), gap.mean) if gap else Cell("")


def _against_full(entry: Entry, key: str | None, noun: str) -> str:
    """Change of cost and of the score against full DAPT: ``-72%, AUC -0.004``."""
    change, gap = _ratio(entry, key).text, _gap(entry).text
    return f"{change}, {noun} {gap}" if gap and key else change


def _against_none(entry: Entry) -> Cell:
    return Cell(words.difference(entry.against_none.score) if entry.against_none else "")


def _standing(entry: Entry) -> Cell:
    chance = entry.standing.probability
    value = entry.standing.on_front if chance is None else chance
    return Cell(words.standing(entry.standing), value=value)


def _cost(entry: Entry, key: str) -> Cell:
    cost = entry.costs[key]
    if cost.estimate is None:
        return Cell(words.MISSING)
    value = cost.estimate.mean
    text, spread = words.cost(cost), words.cost_spread(cost)
    if cost.unit != "g" and not cost.unit.startswith("g/"):
        return Cell(text, spread, value)
    return Cell(text, spread, value, value, value * _fixed_share(entry, key))


def _fixed_share(entry: Entry, key: str) -> float:
    """The part of a figure in grams that the grid has no say in: the hardware's making."""
    if "embodied" in key:
        return 1.0
    cost = entry.costs[key]
    made = next((c.estimate for k, c in entry.costs.items() if "embodied" in k), None)
    used = entry.costs["carbon_g"].estimate
    if cost.unit == "g" or made is None or used is None or "without embodied" in cost.source:
        return 0.0
    total = used.mean + made.mean
    return made.mean / total if total > 0 else 0.0


Value = str | int | float | bool | None


def row_values(row: Row) -> dict[str, Value]:
    """The columns of CSV, JSON and Parquet: names, metrics by their path, each figure with
    quality and bounds."""
    values: dict[str, Value] = {
        "strategy": row.strategy,
        "backbone": row.backbone,
        "seed": row.seed,
        "transfer": row.transfer,
        "shots": str(row.shots),
        "trainable_params": row.trainable_params,
    }
    values |= dict(_flat(row.metrics, ""))
    for name, figure in estimates.figures(row).items():
        values[name] = figure.value
        values[f"{name}_low"], values[f"{name}_high"] = figure.low, figure.high
        values[f"{name}_quality"] = figure.quality.value
    return values


def _flat(metrics: Mapping[str, Any], start: str) -> Iterator[tuple[str, Value]]:
    for name, value in metrics.items():
        path = f"{start}.{name}" if start else name
        if isinstance(value, Mapping):
            yield from _flat(value, path)
        else:
            yield path, value
