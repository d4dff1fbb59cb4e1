"""What a prediction takes, and after how many of them two strategies change places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from greendapt.accounting.lifetime import image_costs, once, use_of
from greendapt.core.figures import Figure, Quality
from greendapt.core.records import Pace, UseDetails
from greendapt.core.text import listed
from greendapt.core.units import quantity, si
from greendapt.report import words
from greendapt.report.view.model import Section, Setting, Table
from greendapt.report.view.reached import Seeds
from greendapt.report.view.verdict import Question
from greendapt.store.runinfo import RunData

_EXPLANATION = (
    "One image through the network that a strategy leaves: decoded, warm, on the run's device, one "
    "at a time and at the batch that takes the least. Weights do not change it, so strategies with "
    "one network share it. From files: read from disk, decoded and resized first; only folders of "
    "images have files. Two strategies change places where what one costs more at first is "
    "what it saves in use by then; pairs that are not named never do."
)
_KEYS = {"energy_j": "by energy", "training_flops": "by FLOPs"}

_HEAD = (
    *("question", "strategies", "FLOPs an image", "one at a time", "median", "95% within"),
    *("cheapest batch", "energy an image", "images a second", "from files, that batch", "weights"),
)


@dataclass(frozen=True)
class Life:
    """What a strategy costs once, and by image; by the keys of `_KEYS`, where they are known."""

    name: str
    first: Mapping[str, float]
    image: Mapping[str, float]


def in_use(run: RunData, questions: Mapping[Setting, Question]) -> Section | None:
    """None where no use was measured."""
    networks: list[tuple[str, ...]] = []
    changes: list[tuple[str, ...]] = []
    by_key = {record.key: record for record in run.records}
    for setting, question in questions.items():
        uses: dict[str, UseDetails] = {}
        for name, seeds in question.reached.groups.items():
            found = next(filter(None, (use_of(row, by_key) for row in seeds.values())), None)
            if found is not None:
                uses[name] = found
        networks += _networks(words.setting(setting), uses)
        lives = [life(name, question.reached.groups[name], use) for name, use in uses.items()]
        changes += _changes(words.setting(setting), lives)
    if not networks:
        return None
    tables: list[Table] = [(_HEAD, *networks)]
    if changes:
        told = ("question", "cheaper at first", "cheaper in use", *_KEYS.values())
        tables.append((told, *changes))
    return Section("use", "In use", _EXPLANATION, tuple(tables))


def _networks(question: str, uses: Mapping[str, UseDetails]) -> Iterator[tuple[str, ...]]:
    """A line a network."""
    for use in dict.fromkeys(uses.values()):
        alone, cheapest = use.paces[0], use.cheapest
        yield (
            question,
            listed([name for name, one in uses.items() if one == use]),
            si(use.flops, "FLOP"),
            _joules(alone.energy_j),
            f"{alone.median_ms:.3g} ms",
            f"{alone.p95_ms:.3g} ms",
            str(cheapest.batch),
            _joules(cheapest.energy_j),
            f"{1 / cheapest.wall_s:,.3g}",
            _from_files(use.from_files),
            quantity(use.bytes, "byte"),
        )


def _from_files(pace: Pace | None) -> str:
    if pace is None:
        return words.MISSING
    median = f"median {pace.median_ms:.3g} ms"
    return f"{_joules(pace.energy_j)} an image, {1 / pace.wall_s:,.3g} images a second, {median}"


def life(name: str, seeds: Seeds, use: UseDetails) -> Life:
    """Means over seeds."""
    costs = [once(row) for row in seeds.values()]
    first: dict[str, float] = {}
    for key in _KEYS:
        values = [value for one in costs if (value := one[key].value) is not None]
        first |= {key: fmean(values)} if len(values) == len(costs) else {}
    image = {key: one.value for key, one in image_costs(use).items() if one.value is not None}
    return Life(name, first, image)


def break_even(one: Life, other: Life, key: str) -> float | None:
    """Predictions after which ``other``, which costs more at first, has cost as much as ``one``;
    None where it never has, or a cost is not known."""
    if any(key not in part for life in (one, other) for part in (life.first, life.image)):
        return None
    more, saves = other.first[key] - one.first[key], one.image[key] - other.image[key]
    return more / saves if more > 0 and saves > 0 else None


def _changes(question: str, lives: list[Life]) -> Iterator[tuple[str, ...]]:
    for pair in combinations(lives, 2):
        for one, other in (pair, pair[::-1]):
            counts = [break_even(one, other, key) for key in _KEYS]
            if any(count is not None for count in counts):
                told = map(_count, counts)
                yield question, one.name, other.name, *told


def _count(predictions: float | None) -> str:
    """Two digits of it are known at best: ``12,000``."""
    return words.MISSING if predictions is None else f"{float(f'{predictions:.1e}'):,.0f}"


def _joules(energy: Figure) -> str:
    """An estimate is marked, and has two digits."""
    if energy.value is None:
        return words.MISSING
    guessed = energy.quality is Quality.ESTIMATED
    return ("~" if guessed else "") + quantity(energy.value, "J", 2 if guessed else 3)
