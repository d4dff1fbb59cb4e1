"""What the strategies of one panel reached, with the errors of seeds and patients."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from greendapt.core.metrics import PATIENTS_OF
from greendapt.core.packed import unpack
from greendapt.core.records import EvaluateDetails, Record, Row
from greendapt.report.view.model import DEVELOPMENT, Estimate, Path, headline
from greendapt.stats.crossed import Crossed, Sample, crossed
from greendapt.stats.intervals import Interval
from greendapt.stats.seed_spread import Prior

Seeds = Mapping[int, Row]
"""The rows of one strategy in one setting, by seed."""
Draws = Mapping[str, EvaluateDetails]
"""Of the verdicts on cells, by the key of the stage."""

_SCORES = (
    *("auc", "dice", "balanced_accuracy", "auprc", "sensitivity", "specificity", "f1"),
    *("brier", "ece", "jaccard", "mcc", "hausdorff95_px"),
)
_RANGES = {"mcc": (-1.0, 1.0), "hausdorff95_px": (0.0, math.inf)}
"""What a metric can be; else 0 to 1."""
_LARGEST = 1e9
"""Of any metric: what is larger is no distance in pixels either."""


def draws_of(records: Iterable[Record]) -> Draws:
    return {r.key: r.details for r in records if isinstance(r.details, EvaluateDetails)}


def metric_paths(rows: Iterable[Row]) -> tuple[Path, ...]:
    """Every metric any row has, in the order of a table: development, external, corrupted."""
    paths = dict.fromkeys(path for row in rows for path in _paths(row.metrics))
    order = {"development": 0, "external": 1, "corrupted": 2}
    return tuple(sorted(paths, key=lambda p: (_SCORES.index(p[-1]), order[p[0]])))


def metric_values(seeds: Seeds, path: Path) -> dict[int, float]:
    values = {seed: _metric(row.metrics, path) for seed, row in seeds.items()}
    return {seed: value for seed, value in values.items() if value is not None}


@dataclass(frozen=True)
class Reached:
    """By strategy and seed; an error model a metric, for all strategies together. ``path``: what
    is judged."""

    groups: Mapping[str, Seeds]
    models: Mapping[Path, Crossed]
    path: Path = DEVELOPMENT

    @classmethod
    def of(
        cls,
        groups: Mapping[str, Seeds],
        draws: Draws,
        spread: Prior | None = None,
        metric: str | None = None,
    ) -> Reached:
        """``spread``: of the judged score over seeds, where seeds are too few to tell it.
        ``metric``: what is judged; None: AUC, or Dice."""
        paths = metric_paths(row for seeds in groups.values() for row in seeds.values())
        judged = headline(paths, metric)
        conditions = dict.fromkeys(
            ("corrupted", "by", name, path[-1])
            for path in paths
            if path[0] == "corrupted"
            for seeds in groups.values()
            for row in seeds.values()
            for name in row.metrics.get("corrupted", {}).get("by", {})
        )
        models = {
            path: _model(groups, draws, path, spread if path[-1] == judged[-1] else None)
            for path in (*paths, *conditions)
        }
        known = {path: model for path, model in models.items() if model is not None}
        return cls(groups, known, judged)

    def estimate(self, name: str, path: Path) -> Estimate | None:
        model = self.models.get(path)
        if model is None or name not in model.names:
            return None
        seeds = len(metric_values(self.groups[name], path))
        mean, low, high = model.interval(name)
        return Estimate(mean, low, high, seeds, model.basis)

    def gap(self, ours: str, theirs: str, path: Path) -> Interval | None:
        """Ours less theirs; None where one of them has no such score."""
        model = self.models.get(path)
        if model is None or not {ours, theirs} <= set(model.names):
            return None
        return model.difference(ours, theirs)


def samples(groups: Mapping[str, Seeds], draws: Draws, path: Path) -> dict[str, Sample]:
    """Of each strategy that has such a score."""
    return {
        name: Sample(
            values,
            {seed: _drawn(seeds[seed], draws, path) for seed in values},
            max(_patients(seeds[seed], path) for seed in values),
        )
        for name, seeds in groups.items()
        if (values := metric_values(seeds, path))
    }


def _model(
    groups: Mapping[str, Seeds], draws: Draws, path: Path, spread: Prior | None
) -> Crossed | None:
    of = samples(groups, draws, path)
    return crossed(of, *_RANGES.get(path[-1], (0.0, 1.0)), spread) if of else None


def _drawn(row: Row, draws: Draws, path: Path) -> NDArray[np.float64]:
    """Of that metric on patients drawn anew; empty where the run did not keep them."""
    details = draws.get(row.stages[-1]) if row.stages else None
    if details is None:
        return np.empty(0)
    if path[0] != "corrupted":
        return _unpacked(details, ":".join(path[:-1]), path[-1])
    if len(path) > 2:
        return _unpacked(details, f"corrupted:{path[2]}", path[-1])
    kinds = [name for name in details.draws if name.startswith("corrupted:")]
    parts = [_unpacked(details, name, path[-1]) for name in kinds]
    return np.mean(parts, axis=0) if parts else np.empty(0)


def _unpacked(details: EvaluateDetails, place: str, metric: str) -> NDArray[np.float64]:
    return unpack(details.draws.get(place, {}).get(metric, ""))


def _patients(row: Row, path: Path) -> int:
    """Test patients that the score is about; 0 where the run does not say."""
    place = path[:-1] if path[0] == "external" else ("development",)
    count = _at(row.metrics, (*place, PATIENTS_OF.get(path[-1], "patients")))
    if count is None:
        count = _at(row.metrics, (*place, "patients"))
    return count if isinstance(count, int) else 0


def _paths(metrics: Mapping[str, Any]) -> Iterator[Path]:
    external = metrics.get("external") or {}
    places: list[Path] = [("development",), *(("external", name) for name in external)]
    for place in [*places, ("corrupted",)]:
        yield from (
            (*place, name) for name in _SCORES if _metric(metrics, (*place, name)) is not None
        )


def _metric(metrics: Any, path: Path) -> float | None:
    """None where there is none, or what is there is no such metric."""
    value = _at(metrics, path)
    low, high = _RANGES.get(path[-1], (0.0, 1.0))
    if isinstance(value, int | float) and low <= value <= min(high, _LARGEST):
        return float(value)
    return None


def _at(metrics: Any, path: Path) -> Any:
    for step in path:
        metrics = metrics.get(step) if isinstance(metrics, Mapping) else None
    return metrics
